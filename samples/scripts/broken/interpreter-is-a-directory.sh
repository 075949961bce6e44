#!/usr/bin
echo "%%>output:this is never reached"
