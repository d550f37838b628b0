//! Why a template cannot be read: one sentence that says where, what, and what would be right.

use std::fmt;

/// A template that the sandbox cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The file.
    pub file: String,
    /// The line where the section or resource begins, where it is known.
    pub line: Option<usize>,
    /// The way through the document, for example `Resources.Copy.Properties.Timeout`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}
