//! A body that is read from extents.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use s3s::{
    StdError,
    stream::{ByteStream, RemainingLength},
};
use tokio::task::JoinHandle;

use crate::storage::{
    blobs::{CHUNK, Held},
    extents::Extent,
};

type OpenFile = (u64, File);

/// A body that reads one chunk ahead of its consumer.
pub(crate) struct Reader {
    pub(crate) held: Held,
    /// The extents still to read, the next one last.
    pub(crate) plan: Vec<Extent>,
    /// The number of bytes still to return.
    pub(crate) remaining: u64,
    pub(crate) file: Option<OpenFile>,
    pub(crate) pending: Option<JoinHandle<io::Result<(Bytes, OpenFile)>>>,
}

impl Reader {
    pub(crate) fn start(&mut self) {
        let Some(extent) = self.plan.last_mut() else { return };
        let (blob, offset) = (extent.blob, extent.offset);
        let take = extent.length.min(CHUNK as u64);
        extent.offset += take;
        extent.length -= take;
        if extent.length == 0 {
            self.plan.pop();
        }
        let path = self.held.blobs.path(blob);
        let file = self.file.take().filter(|(open, _)| *open == blob);
        self.pending = Some(tokio::task::spawn_blocking(move || {
            let mut file = match file {
                Some((_, file)) => file,
                None => File::open(path)?,
            };
            file.seek(SeekFrom::Start(offset))?;
            let mut buffer = vec![0; usize::try_from(take).map_err(io::Error::other)?];
            file.read_exact(&mut buffer)?;
            Ok((Bytes::from(buffer), (blob, file)))
        }));
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.pending.is_none() {
            self.start();
        }
        let Some(pending) = self.pending.as_mut() else { return Poll::Ready(None) };
        let result = std::task::ready!(Pin::new(pending).poll(cx)).map_err(io::Error::other).flatten();
        self.pending = None;
        match result {
            Ok((bytes, file)) => {
                self.remaining -= bytes.len() as u64;
                self.file = Some(file);
                self.start();
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(error) => {
                self.plan.clear();
                Poll::Ready(Some(Err(Box::new(error))))
            }
        }
    }
}

impl ByteStream for Reader {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}
