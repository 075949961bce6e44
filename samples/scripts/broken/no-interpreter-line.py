print("%%>output:this is never reached")
