//! Names for the stacks of leaked sockets, asked for when a look has found them.

use std::{io, sync::Arc, task::Poll, time::Duration};

use super::hooked::Hooked;
use crate::{
    enrich::{clock, facts::Facts as _},
    leaks::{Found, Names},
    model::{
        observation::{Observation, What},
        process::Actor,
        stack::{StackId, Taken},
    },
};

/// Stacks asked for at a time; as many are on their way at most.
const AT_ONCE: usize = 1_024;
/// How long to wait between two questions.
const PAUSE: Duration = Duration::from_millis(2);

/// Finds what is not known yet; records are taken in meanwhile.
///
/// # Errors
///
/// The buffers cannot be read.
pub(super) async fn find(hooked: &mut Hooked, found: &Found, names: &mut Names) -> io::Result<()> {
    let unknown = names.renew(found);
    for some in unknown.chunks(AT_ONCE) {
        let mut asked: Vec<_> = (0..).zip(some).map(|it| ask(hooked, it)).collect();
        while !asked.is_empty() {
            hooked.drain()?;
            asked.retain(|(id, taken)| match hooked.facts().stack(*id, false) {
                Poll::Pending => true,
                Poll::Ready(stack) => {
                    names.learn(Arc::clone(taken), stack);
                    false
                }
            });
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Has the names of a stack looked for, as if it had been taken now: its process is still there, for
/// it holds the socket.
fn ask(hooked: &mut Hooked, (number, taken): (u64, &Arc<Taken>)) -> (StackId, Arc<Taken>) {
    let now = Taken {
        of_seq: number,
        ..Taken::clone(taken)
    };
    let seen = Observation {
        at: clock::now(),
        cpu: 0,
        seq: number,
        actor: Actor::Unknown,
        what: What::Stack(Box::new(now)),
    };
    hooked.facts().seen(&seen);
    let id = StackId {
        at: seen.at,
        cpu: seen.cpu,
        of_seq: number,
    };
    (id, Arc::clone(taken))
}
