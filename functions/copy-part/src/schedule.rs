//! Keeps a number of pieces of work in flight, always, until they are done, one fails, or time runs out.

use std::num::NonZeroUsize;

use futures::{StreamExt, stream::FuturesUnordered};
use holdfast_lambda::Pace;
use tokio::time::{Instant, timeout};

/// How far the work came.
#[derive(Debug)]
pub(crate) struct Run<T, E> {
    /// What was answered, in the order of the answers.
    pub(crate) done: Vec<T>,
    /// How many pieces were not started, or were not finished in time.
    pub(crate) left: usize,
    /// The first error.
    pub(crate) error: Option<E>,
}

/// Works on all items, `at_once` of them at every moment: whenever one is done the next is started, so none waits for
/// the slowest of a batch.
///
/// After an error nothing more is started, but what is in flight is waited for: S3 does that work anyway, and the next
/// try then finds it done and copies it once only. Work that outlasts the invocation is dropped. That is safe, because
/// a part that is copied twice has the same bytes both times.
pub(crate) async fn run<I, T, E, F>(
    items: Vec<I>,
    at_once: NonZeroUsize,
    mut pace: Pace,
    work: impl Fn(I) -> F,
) -> Run<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = items.into_iter();
    let mut flying = FuturesUnordered::new();
    let mut run = Run { done: Vec::new(), left: 0, error: None };
    loop {
        while flying.len() < at_once.get()
            && run.error.is_none()
            && pace.may_start()
            && let Some(item) = waiting.next()
        {
            let started = Instant::now();
            let piece = work(item);
            flying.push(async move { (piece.await, started.elapsed()) });
        }
        match timeout(pace.patience(), flying.next()).await {
            Ok(Some((Ok(answer), time))) => {
                pace.took(time);
                run.done.push(answer);
            }
            Ok(Some((Err(error), _))) => {
                run.error.get_or_insert(error);
            }
            Ok(None) | Err(_) => break,
        }
    }
    run.left = waiting.len() + flying.len();
    run
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use holdfast_lambda::Deadline;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(seconds: u32) -> Pace {
        Pace::new(Deadline::after(SECOND * seconds))
    }

    fn three() -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(2)
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_piece_starts_whenever_one_is_done() {
        let (in_flight, most) = (Cell::new(0), Cell::new(0));
        let began = Instant::now();
        // One slow piece and nine fast ones. Two run beside the slow one, so ten seconds are enough. Batches of three
        // would take 10 + 1 + 1 + 1 seconds.
        let durations = vec![10, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let run = run(durations, three(), pace(900), async |seconds: u32| {
            in_flight.set(in_flight.get() + 1);
            most.set(most.get().max(in_flight.get()));
            tokio::time::sleep(SECOND * seconds).await;
            in_flight.set(in_flight.get() - 1);
            Ok::<_, ()>(seconds)
        })
        .await;
        assert_eq!((run.done.len(), run.left, run.error), (10, 0, None));
        assert_eq!(most.get(), 3);
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn near_the_deadline_only_pieces_in_flight_finish() {
        // Each takes 10 s, so a start needs 15 s: of 40 s the starts at 0, 10 and 20 s fit.
        let run = run(vec![(); 30], three(), pace(40), async |()| {
            tokio::time::sleep(SECOND * 10).await;
            Ok::<_, ()>(())
        })
        .await;
        assert_eq!((run.done.len(), run.left), (9, 21));
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_outlasts_the_invocation_is_dropped() {
        let deadline = Deadline::after(SECOND * 10);
        let run = run(vec![100, 1], three(), Pace::new(deadline), async |seconds: u32| {
            tokio::time::sleep(SECOND * seconds).await;
            Ok::<_, ()>(seconds)
        })
        .await;
        assert_eq!((run.done, run.left), (vec![1], 1));
        assert!(deadline.remaining() > SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_error_only_pieces_in_flight_finish() {
        let run = run(vec![5, 1, 5, 5, 5], three(), pace(900), async |seconds: u32| {
            tokio::time::sleep(SECOND * seconds).await;
            if seconds == 1 { Err("refused") } else { Ok(seconds) }
        })
        .await;
        assert_eq!((run.done, run.left, run.error), (vec![5, 5], 2, Some("refused")));
    }
}
