//! Progress on standard error: bars on a terminal, otherwise a line for each finished phase.

use std::{
    borrow::Cow,
    fmt::Write,
    io::IsTerminal,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use holdfast_core::format;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::text;

const COUNTING: &str = "{prefix:>14} [{bar:32.cyan/dim}] {pos:>4}/{len:<4} {wide_msg:.dim}";
const BYTES: &str = "{prefix:>14} [{bar:32.cyan/dim}] {size}/{total_size} {wide_msg:.dim}";
const DONE: &str = "{prefix:>14.green} {msg}";
const FAILED: &str = "{prefix:>14.red} {msg}";

/// The phases of one command.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
}

/// The unit of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Crates, executions.
    Count,
    /// Bytes.
    Bytes,
}

/// One phase: a bar, or a line at its end.
#[derive(Debug)]
pub(crate) struct Phase {
    name: Cow<'static, str>,
    bar: Option<ProgressBar>,
    started: Instant,
    /// Whether the phase has ended.
    is_over: AtomicBool,
    /// The last sentence that was printed without a terminal. It is not printed twice.
    last_sentence: Mutex<String>,
}

impl Progress {
    /// Bars if standard error is a terminal.
    pub(crate) fn new() -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new) }
    }

    /// Adds a phase below the others. A total of zero means that the total is unknown.
    pub(crate) fn phase(&self, name: impl Into<Cow<'static, str>>, total: u64, unit: Unit) -> Phase {
        let name = name.into();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total));
            let template = if unit == Unit::Bytes { BYTES } else { COUNTING };
            bar.set_style(style(template));
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Phase { name, bar, started: Instant::now(), is_over: AtomicBool::new(false), last_sentence: Mutex::default() }
    }
}

impl Drop for Progress {
    /// Ends the last line: bars leave the cursor at its end.
    fn drop(&mut self) {
        if self.bars.is_some() {
            eprintln!();
        }
    }
}

impl Phase {
    /// Sets the progress, the total and the current work.
    pub(crate) fn set(&self, done: u64, total: u64, doing: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(doing.to_owned());
        }
    }

    /// Adds to the progress.
    pub(crate) fn add(&self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(done);
        }
    }

    /// Shows a sentence, with and without a terminal.
    pub(crate) fn note(&self, sentence: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(sentence.to_owned()),
            None => self.print(sentence),
        }
    }

    /// Ends the phase with a sentence and the elapsed time. A phase ends once.
    pub(crate) fn finish(&self, sentence: &str) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        let sentence = format!("{sentence} in {}", text::duration(self.started.elapsed()));
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(DONE));
                bar.finish_with_message(sentence);
            }
            None => self.print(&sentence),
        }
    }

    /// Ends a phase that did not complete.
    pub(crate) fn fail(&self, sentence: &str) {
        self.is_over.store(true, Ordering::Relaxed);
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(FAILED));
                bar.abandon_with_message(sentence.to_owned());
            }
            None => self.print(sentence),
        }
    }

    fn print(&self, sentence: &str) {
        let mut last = self.last_sentence.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != sentence {
            eprintln!("{:>14} {sentence}", self.name);
            sentence.clone_into(&mut last);
        }
    }
}

impl Drop for Phase {
    /// Keeps the bars of a command that ends early on the screen.
    fn drop(&mut self) {
        if let Some(bar) = self.bar.as_ref().filter(|bar| !bar.is_finished()) {
            bar.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a test parses them.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("size", |state: &ProgressState, writer: &mut dyn Write| write_size(writer, state.pos()))
        .with_key("total_size", |state: &ProgressState, writer: &mut dyn Write| {
            write_size(writer, state.len().unwrap_or_default());
        })
        .progress_chars("━━─")
}

fn write_size(writer: &mut dyn Write, bytes: u64) {
    // indicatif offers no way to report an error, and writes to a String.
    let _ = writer.write_str(&format::size(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        for template in [COUNTING, BYTES, DONE, FAILED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
