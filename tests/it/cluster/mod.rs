//! The registers of a cluster on real databases: what they promise, and what becomes of that when the
//! database is away.

mod etcd;
mod etcd_nodes;
mod in_process;
mod leases;
mod membership;
mod ways;
