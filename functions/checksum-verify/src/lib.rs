//! The checksum-verify function.
