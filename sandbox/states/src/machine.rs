//! State machines and the revisions of their definitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::definition::{self, Graph};
use sandbox_core::store::{Store, StoreError};

const MACHINES: &str = "states.machines";
const REVISIONS: &str = "states.revisions";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The ID of the current revision.
    pub(crate) revision: String,
    /// When it was created, in milliseconds since 1970.
    pub(crate) created: i64,
    /// Whether it will be removed when its executions have ended.
    pub(crate) deleting: bool,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A machine's definition and role between two updates. An execution keeps the revision that it started with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Revision {
    pub(crate) id: String,
    /// The machine's name.
    pub(crate) name: String,
    /// The unmodified definition.
    pub(crate) definition: String,
    pub(crate) role: String,
    /// The time of the update, in milliseconds since 1970.
    pub(crate) since: i64,
    /// The definition as types.
    #[serde(skip)]
    pub(crate) graph: Option<Arc<Graph>>,
}

#[derive(Debug, Default)]
struct Tables {
    machines: BTreeMap<String, Machine>,
    revisions: BTreeMap<String, Arc<Revision>>,
}

/// All machines, kept in memory and written through.
#[derive(Debug)]
pub(crate) struct Machines {
    store: Arc<Store>,
    tables: Mutex<Tables>,
}

impl Machines {
    /// Reads the machines from the store.
    pub(crate) fn load(store: &Arc<Store>) -> Result<Self, StoreError> {
        let machines = store.load(MACHINES)?.into_iter().collect();
        let revisions = store
            .load::<Revision>(REVISIONS)?
            .into_iter()
            .map(|(id, mut revision)| {
                revision.graph = definition::parse(&revision.definition).ok().map(Arc::new);
                (id, Arc::new(revision))
            })
            .collect();
        Ok(Self { store: Arc::clone(store), tables: Mutex::new(Tables { machines, revisions }) })
    }

    fn locked(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, arn: &str) -> Option<Machine> {
        self.locked().machines.get(arn).cloned()
    }

    /// The machines in the order of their names.
    pub(crate) fn all(&self) -> Vec<Machine> {
        self.locked().machines.values().cloned().collect()
    }

    pub(crate) fn revision(&self, id: &str) -> Option<Arc<Revision>> {
        self.locked().revisions.get(id).cloned()
    }

    pub(crate) fn put(&self, machine: Machine) -> Result<(), StoreError> {
        self.store.put(MACHINES, &machine.arn, &machine)?;
        self.locked().machines.insert(machine.arn.clone(), machine);
        Ok(())
    }

    pub(crate) fn put_revision(&self, revision: Revision) -> Result<(), StoreError> {
        self.store.put(REVISIONS, &revision.id, &revision)?;
        self.locked().revisions.insert(revision.id.clone(), Arc::new(revision));
        Ok(())
    }

    /// Removes a machine. Its revisions remain, because executions refer to them.
    pub(crate) fn remove(&self, arn: &str) -> Result<(), StoreError> {
        self.store.delete(MACHINES, arn)?;
        self.locked().machines.remove(arn);
        Ok(())
    }
}
