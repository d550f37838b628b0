//! Runs a fixed number of pieces of work at the same time, until all are done, one fails, or the time is over.

use std::num::NonZeroUsize;

use futures::{StreamExt, stream::FuturesUnordered};
use holdfast_lambda::Pace;
use tokio::time::{Instant, timeout};

/// The progress of the work.
#[derive(Debug)]
pub(crate) struct Run<T, E> {
    /// The results, in the order of completion.
    pub(crate) done: Vec<T>,
    /// How many pieces did not start, or did not finish in time.
    pub(crate) left: usize,
    /// The first error.
    pub(crate) error: Option<E>,
}

/// Works on `concurrency` items at the same time. When one is done, the next starts, so that no item waits for the
/// slowest of a batch.
///
/// After an error no item starts, but the items in flight finish: S3 does their work anyway, and the next attempt finds
/// it done. Items that do not finish in the time of the invocation are dropped. That is safe, because a part that is
/// copied twice has the same bytes.
pub(crate) async fn run<I, T, E, F>(
    items: Vec<I>,
    concurrency: NonZeroUsize,
    mut pace: Pace,
    work: impl Fn(I) -> F,
) -> Run<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = items.into_iter();
    let mut in_flight = FuturesUnordered::new();
    let mut run = Run { done: Vec::new(), left: 0, error: None };
    loop {
        while in_flight.len() < concurrency.get()
            && run.error.is_none()
            && pace.may_start()
            && let Some(item) = waiting.next()
        {
            let started = Instant::now();
            let piece = work(item);
            in_flight.push(async move { (piece.await, started.elapsed()) });
        }
        match timeout(pace.patience(), in_flight.next()).await {
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
    run.left = waiting.len() + in_flight.len();
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
    async fn a_piece_that_does_not_finish_in_time_is_dropped() {
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
