#!/usr/bin/env python3
import no_such_module

print("%%>output:this is never reached", no_such_module)
