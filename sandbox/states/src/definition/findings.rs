//! What is wrong with a definition.

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// AWS's name of the rule.
    pub(crate) code: &'static str,
    /// What is wrong and what would be right.
    pub(crate) message: String,
    /// The path of the field, for example `/States/Copy/Next`.
    pub(crate) location: String,
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {} at {}", self.code, self.message, self.location)
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Diagnostic>);

impl Findings {
    /// A field that does not have the shape it must have.
    pub(super) fn schema(&mut self, location: impl Into<String>, message: impl Into<String>) {
        self.add("SCHEMA_VALIDATION_FAILED", location, message);
    }

    /// Any other finding.
    pub(super) fn add(&mut self, code: &'static str, location: impl Into<String>, message: impl Into<String>) {
        self.0.push(Diagnostic { code, message: message.into(), location: location.into() });
    }
}
