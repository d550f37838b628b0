//! Whole executions on the sandbox: an upload goes in, and backup, proof, replica, receipt and mail come out.

mod attributes;
mod bad_input;
mod choices;
mod cost;
mod definition;
mod failures;
mod faults;
mod keys;
mod large;
mod lost_answers;
mod order;
mod permissions;
mod policies;
mod processes;
mod proof;
mod redrive;
mod restart;
mod small;
mod sources;
