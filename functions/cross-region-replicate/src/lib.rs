//! The cross-region-replicate function.
