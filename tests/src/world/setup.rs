//! How a world is made.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::in_process::{Reading, Store};

/// How a world is made. The default: functions in process, with a replica, small parts of the configuration as in the
/// template.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Functions as processes from this folder instead of in process.
    pub binaries: Option<PathBuf>,
    /// Another template than the product's own.
    pub template: Option<PathBuf>,
    /// Whether there is a replica bucket.
    pub replica: bool,
    /// Where the data is kept; none for a folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// Other parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace those of the functions' environment.
    pub environment: BTreeMap<String, String>,
    /// What the store of the backups tells, for functions in process.
    pub store: Store,
    /// How checksum-verify reads, for functions in process.
    pub reading: Reading,
    /// What waits and back-offs are multiplied with.
    pub time_scale: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            binaries: None,
            template: None,
            replica: true,
            data: None,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            store: Store::default(),
            reading: Reading::default(),
            time_scale: 0.01,
        }
    }
}

impl Setup {
    /// Without a replica.
    #[must_use]
    pub fn without_replica(mut self) -> Self {
        self.replica = false;
        self
    }

    /// With a parameter of the template set.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self
    }

    /// With another value of a variable of the functions' environment.
    #[must_use]
    pub fn configured(mut self, variable: &str, value: &str) -> Self {
        self.environment.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// With everything kept in this folder.
    #[must_use]
    pub fn kept_in(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }
}
