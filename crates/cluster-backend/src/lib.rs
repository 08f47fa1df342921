//! A replicated node of Pentad: the engine as Raft log and state machine, embedded in a program or served over the network.
