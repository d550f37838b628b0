//! The problems of a definition.

/// One problem of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// AWS's code.
    pub(crate) code: &'static str,
    /// The problem and its correction.
    pub(crate) message: String,
    /// The path of the field, for example `/States/Copy/Next`.
    pub(crate) location: String,
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {} at {}", self.code, self.message, self.location)
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Diagnostic>);

impl Findings {
    /// Adds a field with the wrong type or value.
    pub(super) fn schema(&mut self, location: impl Into<String>, message: impl Into<String>) {
        self.add("SCHEMA_VALIDATION_FAILED", location, message);
    }

    /// Adds any other problem.
    pub(super) fn add(&mut self, code: &'static str, location: impl Into<String>, message: impl Into<String>) {
        self.0.push(Diagnostic { code, message: message.into(), location: location.into() });
    }
}
