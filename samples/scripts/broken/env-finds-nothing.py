#!/usr/bin/env pyhton3
print("%%>output:this is never reached")
