//! `--output`: the format in which a command prints its result.

use clap::ValueEnum;

/// The format of a result. Text is for people, JSON is for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Text,
    Json,
}
