#!/bin/sh
echo "%%>output:this is never reached"
