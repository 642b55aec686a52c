"""Everything that a teacher needs, in a browser on this machine: `bpsheet app`.

The server listens on 127.0.0.1 alone. The rooms below do the work: here their functions are called,
and nothing is worked out a second time.
"""
