//! Multipart uploads.

mod complete;
mod create;
mod part;
mod parts;
mod zeros;
