//! Both ends close before either has seen the other's FIN.

use std::{io, thread, time::Duration};

use super::{
    part::Part,
    socket,
    truth::{Expected, Truth},
};

/// The time within which a FIN that was lost is sent again (`TCP_RTO_MIN`), and then some.
const RESENT: Duration = Duration::from_millis(300);

/// Closes once the server is deaf, so that this FIN is lost on its way, the first time.
pub(crate) fn close_unheard(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    part.wait()?;
    drop(stream);
    part.cue()?;
    thread::sleep(RESENT);
    Ok(())
}

/// Closes without having seen the client's FIN, and only then can be reached again.
pub(crate) fn close_deaf(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::deafen(&stream)?;
    part.cue()?;
    part.wait()?;
    socket::hear(&stream)?;
    drop(stream);
    Ok(())
}

/// The client meets the server's FIN in `FIN_WAIT1` and goes to CLOSING (RFC 9293, section 3.6). The
/// server has its own FIN acknowledged before the client's comes again, so its socket cannot tell.
pub(crate) fn expected(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| {
            let acts = ["fin_sent/simultaneous_close", "fin_received/peer_closed"];
            client.acted(&acts, Some("both"))
        },
        |server| server.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
    )
}
