//! Durable tables. Each service keeps its state in memory and writes it here, so that a sandbox that restarts on the
//! same folder finds it.
//!
//! Writes are not synced one by one, because each history event would then cost a disk flush. [`Store::flush`] syncs.
//! The sandbox calls it shortly after each write and when it stops.

use std::{
    ops::Bound,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use redb::{Database, DatabaseError, Durability, ReadableDatabase, TableDefinition, backends::InMemoryBackend};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

/// A set of named tables from text keys to JSON values.
#[derive(Debug)]
pub struct Store {
    database: Database,
    /// Set by a write, cleared by a sync.
    is_dirty: AtomicBool,
    /// Notifies the task that syncs.
    dirtied: Notify,
}

/// The store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the file.
    #[error("the sandbox's data at {path} is in use by another sandbox; stop that one, or choose another folder")]
    InUse {
        /// The path of the file.
        path: String,
    },
    /// The file cannot be opened.
    #[error("cannot open the sandbox's data at {path}: {source}")]
    Open {
        /// The path of the file.
        path: String,
        /// The cause.
        source: DatabaseError,
    },
    /// The database failed.
    #[error("the sandbox's data cannot be read or written: {0}")]
    Database(#[from] redb::Error),
    /// A record does not have the shape this version expects.
    #[error("record {key:?} in table {table:?} cannot be read: {source}")]
    Record {
        /// The name of the table.
        table: String,
        /// The key of the record.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
}

/// The order of the records of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Changes of one transaction, in order.
#[derive(Debug, Default)]
pub struct Batch {
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    table: String,
    key: String,
    /// `None` removes the record.
    value: Option<Vec<u8>>,
}

impl Batch {
    /// Writes one record.
    pub fn put<T: Serialize>(&mut self, table: &str, key: &str, value: &T) -> Result<(), StoreError> {
        let (table, key) = (table.to_owned(), key.to_owned());
        match serde_json::to_vec(value) {
            Ok(bytes) => self.changes.push(Change { table, key, value: Some(bytes) }),
            Err(source) => return Err(StoreError::Record { table, key, source }),
        }
        Ok(())
    }

    /// Removes one record. A missing record is not an error.
    pub fn delete(&mut self, table: &str, key: &str) {
        self.changes.push(Change { table: table.to_owned(), key: key.to_owned(), value: None });
    }
}

type Definition<'a> = TableDefinition<'a, &'static str, &'static [u8]>;

impl Store {
    /// Opens or creates the file `sandbox.redb` in a folder.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join("sandbox.redb");
        let path = file.display().to_string();
        let database = Database::create(&file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path },
            source => StoreError::Open { path, source },
        })?;
        Ok(Self { database, is_dirty: AtomicBool::new(false), dirtied: Notify::new() })
    }

    /// A temporary store, which is deleted when dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|source| StoreError::Open { path: "memory".to_owned(), source })?;
        Ok(Self { database, is_dirty: AtomicBool::new(false), dirtied: Notify::new() })
    }

    /// Writes one record.
    pub fn put<T: Serialize>(&self, table: &str, key: &str, value: &T) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(table, key, value)?;
        self.commit(&batch)
    }

    /// Removes one record. A missing record is not an error.
    pub fn delete(&self, table: &str, key: &str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.delete(table, key);
        self.commit(&batch)
    }

    /// Makes several changes in one transaction: all of them or none.
    pub fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(Durability::None, |transaction| {
            for Change { table, key, value } in &batch.changes {
                let mut open = transaction.open_table(Definition::new(table))?;
                match value {
                    Some(bytes) => open.insert(key.as_str(), bytes.as_slice())?,
                    None => open.remove(key.as_str())?,
                };
            }
            Ok(())
        })
    }

    /// All records of a table in the order of their keys. Empty if the table does not exist.
    pub fn load<T: DeserializeOwned>(&self, table: &str) -> Result<Vec<(String, T)>, StoreError> {
        self.scan(table, (Bound::Unbounded, Bound::Unbounded), Order::Ascending, usize::MAX)
    }

    /// At most `limit` records of a range of keys.
    pub fn scan<T: DeserializeOwned>(
        &self,
        table: &str,
        keys: (Bound<&str>, Bound<&str>),
        order: Order,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let transaction = self.database.begin_read().map_err(redb::Error::from)?;
        let open = match transaction.open_table(Definition::new(table)) {
            Ok(open) => open,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::Database(error.into())),
        };
        let mut entries = open.range::<&str>(keys).map_err(redb::Error::from)?;
        let mut records = Vec::new();
        while records.len() < limit
            && let Some(entry) = match order {
                Order::Ascending => entries.next(),
                Order::Descending => entries.next_back(),
            }
        {
            let (key, value) = entry.map_err(redb::Error::from)?;
            let key = key.value().to_owned();
            let value = serde_json::from_slice(value.value()).map_err(|source| StoreError::Record {
                table: table.to_owned(),
                key: key.clone(),
                source,
            })?;
            records.push((key, value));
        }
        Ok(records)
    }

    /// Syncs everything written so far, so that it survives a crash. Does nothing if nothing was written since the last
    /// sync.
    pub fn flush(&self) -> Result<(), StoreError> {
        if !self.is_dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.write(Durability::Immediate, |_| Ok(())).inspect_err(|_| self.soil())
    }

    /// Waits until unsynced writes exist; returns at once if they do. For one caller.
    pub async fn dirtied(&self) {
        self.dirtied.notified().await;
    }

    fn soil(&self) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            self.dirtied.notify_one();
        }
    }

    fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(redb::Error::from)?;
        transaction.set_durability(durability).map_err(redb::Error::from)?;
        change(&transaction)?;
        transaction.commit().map_err(redb::Error::from)?;
        if matches!(durability, Durability::None) {
            self.soil();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_reopening_the_store() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        {
            let store = Store::open(folder.path())?;
            store.put("fruit", "b", &2)?;
            store.put("fruit", "a", &1)?;
            store.put("fruit", "c", &3)?;
            store.delete("fruit", "c")?;
            store.flush()?;
        }
        let store = Store::open(folder.path())?;
        assert_eq!(store.load::<u8>("fruit")?, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(store.load::<u8>("never written")?, []);
        Ok(())
    }

    #[test]
    fn a_scan_respects_its_range_and_limit() -> Result<(), Box<dyn std::error::Error>> {
        let store = Store::in_memory()?;
        for (number, key) in ["a#1", "b#1", "b#2", "b#3", "c#1"].iter().enumerate() {
            store.put("fruit", key, &number)?;
        }
        let found = |from, order, limit| -> Result<Vec<String>, StoreError> {
            let records = store.scan::<usize>("fruit", (from, Bound::Excluded("b$")), order, limit)?;
            Ok(records.into_iter().map(|(key, _)| key).collect())
        };
        assert_eq!(found(Bound::Included("b#"), Order::Ascending, 9)?, ["b#1", "b#2", "b#3"]);
        assert_eq!(found(Bound::Excluded("b#1"), Order::Ascending, 1)?, ["b#2"]);
        assert_eq!(found(Bound::Included("b#"), Order::Descending, 2)?, ["b#3", "b#2"]);
        assert_eq!(store.scan::<u8>("none", (Bound::Unbounded, Bound::Unbounded), Order::Ascending, 1)?, []);
        Ok(())
    }

    #[test]
    fn a_batch_changes_several_tables_in_order() -> Result<(), Box<dyn std::error::Error>> {
        let store = Store::in_memory()?;
        store.put("basket", "a", &1)?;
        let mut batch = Batch::default();
        batch.put("fruit", "a", &1)?;
        batch.delete("basket", "a");
        batch.put("basket", "b", &2)?;
        batch.delete("basket", "never there");
        assert_eq!(store.load::<u8>("fruit")?, [], "nothing is written before the commit");
        store.commit(&batch)?;
        assert_eq!(store.load::<u8>("fruit")?, [("a".to_owned(), 1)]);
        assert_eq!(store.load::<u8>("basket")?, [("b".to_owned(), 2)]);
        Ok(())
    }
}
