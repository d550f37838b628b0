//! The shared parts of the sandbox's services: identities and signatures, errors and the calls between services, the
//! store, the names of operations, event patterns, and fault rules.

pub mod faults;
pub mod identity;
pub mod keys;
pub mod operations;
pub mod pattern;
pub mod ports;
pub mod query;
pub mod signature;
pub mod store;
