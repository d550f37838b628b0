//! Tests of the domain check, and of Tasks that run twice.

mod edited_snapshots;
mod repeated_tasks;
mod support;
mod violations;
