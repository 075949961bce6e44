#!/usr/bin/pyhton3
print("%%>output:this is never reached")
