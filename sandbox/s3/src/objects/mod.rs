//! Operations on objects.

mod attributes;
pub(crate) mod body;
pub(crate) mod conditions;
pub(crate) mod corruption;
mod delete;
pub(crate) mod publish;
mod put;
mod read;
mod tags;
