#!/usr/bin/env python3
print("%%>output:this is never reached"
