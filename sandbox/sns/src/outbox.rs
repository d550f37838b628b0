//! The outbox: a folder with one `.json` file per message and one `.eml` file per mail.
//!
//! Each file is written atomically, and a message's `.json` file after its mails, so a reader of the `.json` file finds
//! the mails. Names sort by time: `20261122T184348.123Z-000001-backed-up-report-pdf.json`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use mail_builder::MessageBuilder;
use time::{OffsetDateTime, macros::format_description};

use super::message::Message;

/// SNS's sender address.
const SENDER: &str = "no-reply@sns.amazonaws.com";

/// An error of reading or writing the outbox.
#[derive(Debug, thiserror::Error)]
#[error("the outbox at {path} cannot be used: {source}")]
pub struct OutboxError {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause.
    pub source: std::io::Error,
}

#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
    written: AtomicU64,
}

/// A message with its mails.
#[derive(Debug)]
pub(super) struct Publication {
    /// The display name of the sender.
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) published_at: OffsetDateTime,
    pub(super) message: Message,
    pub(super) mails: Vec<Mail>,
}

#[derive(Debug)]
pub(super) struct Mail {
    pub(super) to: String,
    pub(super) body: String,
}

impl Outbox {
    pub(super) fn open(folder: PathBuf) -> Result<Self, OutboxError> {
        std::fs::create_dir_all(&folder).map_err(|source| OutboxError { path: folder.clone(), source })?;
        Ok(Self { folder, written: AtomicU64::new(0) })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn write(&self, publication: &Publication) -> Result<(), OutboxError> {
        let name = self.name(publication)?;
        for (index, mail) in publication.mails.iter().enumerate() {
            let file = if index == 0 { format!("{name}.eml") } else { format!("{name}-{}.eml", index + 1) };
            let bytes = rfc5322(publication, mail).map_err(|source| self.error(&file, source))?;
            self.write_file(&file, &bytes)?;
        }
        let file = format!("{name}.json");
        let mut json =
            serde_json::to_vec_pretty(&publication.message).map_err(|error| self.error(&file, error.into()))?;
        json.push(b'\n');
        self.write_file(&file, &json)
    }

    /// The messages in the order of their names, which is by time.
    pub(super) fn messages(&self) -> Result<Vec<Message>, OutboxError> {
        let failed = |source| OutboxError { path: self.folder.clone(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        files
            .into_iter()
            .map(|path| {
                let read = || Ok(serde_json::from_slice(&std::fs::read(&path)?)?);
                read().map_err(|source| OutboxError { path: path.clone(), source })
            })
            .collect()
    }

    fn name(&self, publication: &Publication) -> Result<String, OutboxError> {
        let format = format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z");
        let time =
            publication.published_at.format(format).map_err(|error| self.error("", std::io::Error::other(error)))?;
        let number = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(format!("{time}-{number:06}-{}", slug(&publication.subject)))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), OutboxError> {
        let write = || {
            // A reader ignores the temporary name, which ends with neither `.json` nor `.eml`.
            let mut file = tempfile::Builder::new().prefix(".").suffix(".partial").tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.persist(self.folder.join(name))?;
            Ok(())
        };
        write().map_err(|source| self.error(name, source))
    }

    fn error(&self, name: &str, source: std::io::Error) -> OutboxError {
        OutboxError { path: self.folder.join(name), source }
    }
}

fn rfc5322(publication: &Publication, mail: &Mail) -> std::io::Result<Vec<u8>> {
    MessageBuilder::new()
        .from((publication.from.as_str(), SENDER))
        .to(mail.to.as_str())
        .subject(publication.subject.as_str())
        .date(publication.published_at.unix_timestamp())
        .message_id(format!("{}@sns.amazonaws.com", publication.message.message_id))
        .text_body(mail.body.as_str())
        .write_to_vec()
}

/// The letters and digits of a subject in lower case, separated by hyphens, for file names.
fn slug(subject: &str) -> String {
    let words: Vec<String> = subject
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let slug: String = words.join("-").chars().take(48).collect();
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "message".to_owned() } else { slug.to_owned() }
}
