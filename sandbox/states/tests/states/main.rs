//! Step Functions of the sandbox, through its API: what AWS recorded, every state type, errors, limits and restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "json!(…) reads better than &json!(…) where a helper is called")]

mod api;
mod constraints;
mod definitions;
mod distributed;
mod distributed_items;
mod distributed_results;
mod distributed_support;
mod errors;
mod fan_out;
mod limits;
mod map_run_redrives;
mod map_run_restart;
mod map_run_rounds;
mod map_runs;
mod nested;
mod recorded;
mod redrive;
mod redrive_api;
mod redrive_flows;
mod redrive_support;
mod restart;
mod restart_support;
mod steps;
mod support;
mod task_restart;
