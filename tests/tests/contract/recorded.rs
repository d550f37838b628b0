//! Payloads and receipts of earlier versions stay readable. A redrive runs new code with variables that are up to 14 days
//! old, and receipts are kept for years.
//!
//! `tests/data/recorded` has one folder per recording, named by its date. To record the current payloads:
//!
//!     HOLDFAST_RECORD=2026-11-30 cargo test -p holdfast-tests --test contract recorded

use std::{
    fs,
    path::{Path, PathBuf},
};

use holdfast_core::{contract::NotifyInput, event::decode, payload::Payload, receipt::Receipt};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{hostile::valid_payloads, types::TASKS};

const RECEIPT: &str = "receipt";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/recorded")
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn record(day: &str) {
    let folder = folder().join(day);
    fs::create_dir_all(&folder).unwrap();
    let payloads = valid_payloads();
    let receipt = Receipt::new(NotifyInput::read(&payloads["Notify"]).unwrap(), OffsetDateTime::UNIX_EPOCH);
    let receipt = (RECEIPT, serde_json::to_value(receipt).unwrap());
    for (name, value) in payloads.into_iter().chain([receipt]) {
        fs::write(folder.join(format!("{name}.json")), format!("{value:#}\n")).unwrap();
    }
}

#[test]
fn every_recorded_payload_and_receipt_is_readable() {
    if let Ok(day) = std::env::var("HOLDFAST_RECORD") {
        record(&day);
    }
    let mut read = 0;

    for day in json_files(&folder()) {
        for file in json_files(&day) {
            let value: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap();

            let outcome = match TASKS.iter().find(|(state, ..)| *state == name) {
                Some((_, _, read)) => read(&value),
                None if name == RECEIPT => decode::<Receipt>(&value).map(drop),
                None => panic!("{} is neither a state nor a receipt", file.display()),
            };

            assert_eq!(outcome, Ok(()), "{}", file.display());

            read += 1;
        }
    }
    assert!(read > TASKS.len(), "only {read} recordings");
}
