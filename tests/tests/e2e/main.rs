//! Whole executions in the sandbox, from the upload to backup, proof, replica, receipt and message.

mod attributes;
mod cost;
mod definition;
mod duplicates;
mod failures;
mod faults;
mod invalid_options;
mod keys;
mod large;
mod lost_responses;
mod order;
mod parameters;
mod permissions;
mod policies;
mod processes;
mod proof;
mod redrive;
mod restart;
mod small;
mod sources;
