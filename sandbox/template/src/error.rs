//! Errors of templates: the location, the problem and the correction in one sentence.

use std::fmt;

/// A template that the sandbox cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The file.
    pub file: String,
    /// The line of the section or resource, if it is known.
    pub line: Option<usize>,
    /// The path in the document, for example `Resources.Copy.Properties.Timeout`.
    pub path: String,
    /// The problem and the correction.
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
