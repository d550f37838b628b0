//! All executions, by ARN and in the order of their starts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{execution::Execution, record::Record};
use sandbox_core::store::{Store, StoreError};

#[derive(Debug, Default)]
struct Index {
    by_arn: BTreeMap<String, Arc<Execution>>,
    by_number: BTreeMap<u64, Arc<Execution>>,
}

impl Index {
    fn insert(&mut self, execution: &Arc<Execution>) {
        let (arn, number) = execution.with_record(|record| (record.arn.clone(), record.number));
        self.by_arn.insert(arn, Arc::clone(execution));
        self.by_number.insert(number, Arc::clone(execution));
    }
}

#[derive(Debug, Default)]
pub(crate) struct Executions(Mutex<Index>);

impl Executions {
    /// Reads the executions from the store.
    pub(crate) fn load(store: &Arc<Store>) -> Result<Self, StoreError> {
        let mut index = Index::default();
        for execution in Execution::load(store)? {
            index.insert(&execution);
        }
        Ok(Self(Mutex::new(index)))
    }

    fn locked(&self) -> MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, arn: &str) -> Option<Arc<Execution>> {
        self.locked().by_arn.get(arn).cloned()
    }

    /// The running executions, oldest first.
    pub(crate) fn running(&self) -> Vec<Arc<Execution>> {
        self.locked().by_number.values().filter(|one| one.is_running()).cloned().collect()
    }

    /// The newest matching executions that started before the one with a given number.
    pub(crate) fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
        matches: impl Fn(&Record) -> bool,
    ) -> Vec<Arc<Execution>> {
        let index = self.locked();
        let executions = index.by_number.range(..before.unwrap_or(u64::MAX)).rev();
        executions.map(|(_, one)| one).filter(|one| one.with_record(&matches)).take(limit).cloned().collect()
    }

    /// Adds the execution that `make` builds with its number, unless one with this ARN exists.
    pub(crate) fn add(
        &self,
        arn: &str,
        make: impl FnOnce(u64) -> Result<Execution, StoreError>,
    ) -> Result<Added, StoreError> {
        let mut index = self.locked();
        if let Some(existing) = index.by_arn.get(arn) {
            return Ok(Added::Existing(Arc::clone(existing)));
        }
        let last = index.by_number.last_key_value().map_or(0, |(number, _)| *number);
        let execution = Arc::new(make(last + 1)?);
        index.insert(&execution);
        Ok(Added::New(execution))
    }
}

/// The result of adding an execution.
#[derive(Debug)]
pub(crate) enum Added {
    New(Arc<Execution>),
    /// An execution with this ARN exists.
    Existing(Arc<Execution>),
}
