//! Ends a run from which no figure can come.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::time::Instant;

use super::Drops;

/// How long a workload may take.
///
/// A run in which messages got lost waits for them forever; a whole one takes a few seconds.
const RUN_MAX: Duration = Duration::from_secs(180);

/// Ends this process with an error once a message was dropped, which it looks for every `tick`, or
/// when the time is up.
///
/// It is a thread, so that it is the same for every runtime and for none.
pub(super) fn start(drops: &Drops, tick: Duration) {
    let drops = drops.clone();
    let begun = Instant::now();
    std::thread::spawn(move || {
        while begun.elapsed() < RUN_MAX {
            std::thread::sleep(tick.min(RUN_MAX));
            let dropped = drops.load(Ordering::Relaxed);
            if dropped > 0 {
                give_up(&format!("{dropped} dropped"));
            }
        }
        give_up(&format!("not done after {RUN_MAX:?}"));
    });
}

fn give_up(why: &str) -> ! {
    eprintln!("Error: void: {why}");
    std::process::exit(1);
}
