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

/// A state machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Its ARN.
    pub(crate) arn: String,
    /// Its name.
    pub(crate) name: String,
    /// Its current revision.
    pub(crate) revision: String,
    /// When it was created, in milliseconds since 1970.
    pub(crate) created: i64,
    /// Whether it is to go once its executions have ended.
    pub(crate) deleting: bool,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// What a machine was from one update to the next. Executions keep to the revision they started with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// Its id.
    pub(crate) id: String,
    /// The machine's name.
    pub(crate) name: String,
    /// The definition, word for word.
    pub(crate) definition: String,
    /// The role.
    pub(crate) role: String,
    /// Since when, in milliseconds since 1970.
    pub(crate) since: i64,
    /// The definition as types.
    #[serde(skip)]
    pub(crate) graph: Option<Arc<Graph>>,
}

#[derive(Debug, Default)]
struct Inside {
    machines: BTreeMap<String, Machine>,
    revisions: BTreeMap<String, Arc<Revision>>,
}

/// Every machine, kept in memory and written through.
#[derive(Debug)]
pub(crate) struct Machines {
    store: Arc<Store>,
    inside: Mutex<Inside>,
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
        Ok(Self { store: Arc::clone(store), inside: Mutex::new(Inside { machines, revisions }) })
    }

    fn locked(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine with this ARN.
    pub(crate) fn get(&self, arn: &str) -> Option<Machine> {
        self.locked().machines.get(arn).cloned()
    }

    /// The machines in the order of their names.
    pub(crate) fn all(&self) -> Vec<Machine> {
        self.locked().machines.values().cloned().collect()
    }

    /// The revision with this id.
    pub(crate) fn revision(&self, id: &str) -> Option<Arc<Revision>> {
        self.locked().revisions.get(id).cloned()
    }

    /// Writes a machine, new or changed.
    pub(crate) fn put(&self, machine: Machine) -> Result<(), StoreError> {
        self.store.put(MACHINES, &machine.arn, &machine)?;
        self.locked().machines.insert(machine.arn.clone(), machine);
        Ok(())
    }

    /// Writes a revision.
    pub(crate) fn put_revision(&self, revision: Revision) -> Result<(), StoreError> {
        self.store.put(REVISIONS, &revision.id, &revision)?;
        self.locked().revisions.insert(revision.id.clone(), Arc::new(revision));
        Ok(())
    }

    /// Removes a machine. Its revisions stay: executions refer to them.
    pub(crate) fn remove(&self, arn: &str) -> Result<(), StoreError> {
        self.store.delete(MACHINES, arn)?;
        self.locked().machines.remove(arn);
        Ok(())
    }
}
