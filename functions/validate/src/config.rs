//! The configuration of validate, and two decisions that it makes alone: whether a bucket loops, and whether a key is
//! excluded.

use holdfast_core::{
    contract::ReplicaTarget,
    event::Upload,
    layout::{DEFAULT_MULTIPART_THRESHOLD, is_archive},
    names::{BucketName, ObjectKey},
    planner::backup::Settings,
    receipt::{self, Receipts},
};
use holdfast_lambda::{
    ConfigError, Environment, VerifyMode,
    environment::{FromText, receipts},
};

use crate::Error;

const A_BUCKET: &str = "the name of a bucket";
const A_CLASS: &str =
    "one of STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, DEEP_ARCHIVE";

/// The variables that `template.yaml` sets for validate.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) backup_bucket: BucketName,
    pub(crate) receipts: Receipts,
    pub(crate) replica: Option<ReplicaTarget>,
    pub(crate) multipart_threshold: u64,
    pub(crate) verify_mode: VerifyMode,
    pub(crate) storage_class: Option<StorageClass>,
    pub(crate) kms_key: Option<String>,
    pub(crate) excluded: Vec<String>,
}

/// A storage class that S3 takes for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageClass(pub(crate) String);

impl StorageClass {
    fn is_archive(&self) -> bool {
        is_archive(&self.0)
    }
}

impl FromText for StorageClass {
    fn from_text(text: &str) -> Result<Self, String> {
        let known = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER"];
        if known.contains(&text) || text == "DEEP_ARCHIVE" {
            Ok(Self(text.to_owned()))
        } else {
            Err("not a storage class for backups".to_owned())
        }
    }
}

impl Config {
    pub(crate) const ENVIRONMENT: &'static [&'static str] = &[
        "BACKUP_BUCKET",
        "RECEIPT_BUCKET",
        "RECEIPT_PREFIX",
        "REPLICA_BUCKET",
        "REPLICA_REGION",
        "MULTIPART_THRESHOLD",
        VerifyMode::VARIABLE,
        "STORAGE_CLASS",
        "KMS_KEY_ID",
        "EXCLUDE_PREFIXES",
    ];

    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let backup_bucket: BucketName = environment.required("BACKUP_BUCKET", A_BUCKET)?;
        let replica = match environment.optional("REPLICA_BUCKET", A_BUCKET)? {
            Some(bucket) => {
                let region =
                    environment.required("REPLICA_REGION", "the replica bucket's region, such as eu-north-1")?;
                Some(ReplicaTarget { bucket, region })
            }
            None => None,
        };
        let prefixes: Option<String> = environment.optional("EXCLUDE_PREFIXES", "prefixes separated by commas")?;
        let config = Self {
            receipts: receipts(environment)?,
            replica,
            multipart_threshold: environment
                .optional("MULTIPART_THRESHOLD", "a number of bytes")?
                .unwrap_or(DEFAULT_MULTIPART_THRESHOLD),
            verify_mode: VerifyMode::of(environment)?,
            storage_class: environment.optional("STORAGE_CLASS", A_CLASS)?,
            kms_key: environment.optional("KMS_KEY_ID", "the ARN of a KMS key")?,
            excluded: prefixes.map(|list| split(&list)).unwrap_or_default(),
            backup_bucket,
        };
        config.check()
    }

    /// Refuses a configuration that would fail later, after objects were copied.
    fn check(self) -> Result<Self, ConfigError> {
        if self.replica.as_ref().is_some_and(|replica| replica.bucket == self.backup_bucket) {
            return Err(ConfigError {
                variable: "REPLICA_BUCKET",
                problem: "is the backup bucket".to_owned(),
                expected: "another bucket",
            });
        }
        let beside_backups = self.receipts.bucket == self.backup_bucket;
        if beside_backups && !self.receipts.prefix.starts_with(receipt::OWN_PREFIX) {
            return Err(ConfigError {
                variable: "RECEIPT_PREFIX",
                problem: format!("is {:?}, which in the backup bucket is a prefix of backups", self.receipts.prefix),
                expected: "a prefix under .holdfast/, or set RECEIPT_BUCKET to another bucket",
            });
        }
        let archived = self.storage_class.as_ref().filter(|class| class.is_archive());
        if let (Some(class), Some(reader)) = (archived, self.reader()) {
            return Err(ConfigError {
                variable: "STORAGE_CLASS",
                problem: format!("is {}, which cannot be read, and {reader}", class.0),
                expected: "a class that is not an archive, such as GLACIER_IR",
            });
        }
        Ok(self)
    }

    /// What reads a stored backup, if anything does.
    fn reader(&self) -> Option<&'static str> {
        match (&self.replica, self.verify_mode) {
            (Some(_), _) => Some("the replica is copied from the backup"),
            (None, VerifyMode::Streamed) => Some("VERIFY_MODE=streamed reads the backup"),
            (None, VerifyMode::Stored) => None,
        }
    }

    /// Refuses an upload to a bucket that Holdfast writes to: every backup would be an upload to back up again.
    pub(crate) fn check_loop(&self, upload: &Upload) -> Result<(), Error> {
        let replica = self.replica.as_ref().map(|replica| &replica.bucket);
        // Receipts in the source bucket are harmless if their events are excluded.
        let receipts_loop = self.excluding_prefix(&self.receipts.prefix).is_none();
        let variable = if upload.bucket == self.backup_bucket {
            "BACKUP_BUCKET"
        } else if Some(&upload.bucket) == replica {
            "REPLICA_BUCKET"
        } else if upload.bucket == self.receipts.bucket && receipts_loop {
            "RECEIPT_BUCKET"
        } else {
            return Ok(());
        };
        Err(Error::Loop { bucket: upload.bucket.clone(), variable })
    }

    /// The configuration of the planner.
    pub(crate) fn planner_settings(&self) -> Settings<'_> {
        Settings {
            multipart_threshold: self.multipart_threshold,
            storage_class: self.storage_class.as_ref().map(|class| class.0.as_str()),
            is_read: self.reader().is_some(),
        }
    }

    /// The prefix that excludes a key, if any does. Keys of Holdfast's own are never backed up.
    pub(crate) fn excluded_by(&self, key: &ObjectKey) -> Option<&str> {
        self.excluding_prefix(key.as_str())
    }

    fn excluding_prefix(&self, key: &str) -> Option<&str> {
        let prefixes = self.excluded.iter().map(String::as_str);
        std::iter::once(receipt::OWN_PREFIX).chain(prefixes).find(|prefix| key.starts_with(prefix))
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|prefix| !prefix.is_empty()).map(str::to_owned).collect()
}
