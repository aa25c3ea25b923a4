//! What only hooks see: a close that ends nothing, and who closed first.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{
    Watch, connection,
    watch::{Look, Owed},
};
use crate::lab::{Lab, clock::Deadline};
use anyhow::{bail, ensure};

/// A connection over which something came: the client's end and the server's.
fn used() -> anyhow::Result<(TcpStream, TcpStream)> {
    let (mut client, mut server) = connection()?;
    client.write_all(b"used")?;
    server.read_exact(&mut [0; 4])?;
    Ok((client, server))
}

/// Closes one descriptor of an end and keeps another.
fn let_go(end: TcpStream) -> anyhow::Result<TcpStream> {
    let copy = end.try_clone()?;
    drop(end);
    Ok(copy)
}

/// A connection that was used and then closed by one of two descriptors leaks; one that is handed on
/// unused, as servers do that fork, and one that is used by who has the other descriptor, do not.
pub(super) fn closed_but_held(lab: &Lab) -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let mut arguments = vec!["--older-than", "1s", "-p", &pid];
    if !lab.functions {
        arguments.push("--held-open");
    }
    let mut watch = Watch::start(lab, &arguments)?;
    let (client, server) = used()?;
    let leaked = let_go(server)?;
    let (_other, fresh) = connection()?;
    let _handed_on = let_go(fresh)?;
    let (mut busy, server) = used()?;
    let mut still_used = let_go(server)?;
    let deadline = Deadline::after(lab.patience(Duration::from_secs(30)));
    let look = watch.until(deadline, |look| {
        let sent = busy.write_all(b"more");
        sent.and_then(|()| still_used.read_exact(&mut [0; 4]))
            .is_ok()
            && !look.leaks.is_empty()
    })?;
    let [leak] = look.leaks.as_slice() else {
        bail!("not one group: {look:?}");
    };
    ensure!(
        leak.kind == "closed_but_held"
            && leak.sockets == 1
            && leak.oldest_exact
            && leak.touched.as_ref().is_some_and(|it| it.how == "closed"),
        "{leak:?}"
    );
    drop((client, leaked));
    let code = watch.stop()?;
    ensure!(code == Some(0), "it ended with {code:?}");
    Ok(())
}

/// Who closes first owes `TIME_WAIT`, and is named.
pub(super) fn time_wait_owed(lab: &Lab) -> anyhow::Result<()> {
    const OWED: u64 = 7;
    let mut watch = Watch::start(lab, &[])?;
    for _ in 0..OWED {
        let (client, mut server) = connection()?;
        drop(client);
        server.read_to_end(&mut Vec::new())?;
    }
    let deadline = Deadline::after(lab.patience(Duration::from_secs(30)));
    let owed = |look: &Look| {
        let pid = Some(std::process::id());
        let own = |it: &&Owed| it.pid() == pid && it.confidence == "exact";
        look.owed.iter().find(own).map(|it| it.sockets)
    };
    let look = watch.until(deadline, |look| owed(look) >= Some(OWED))?;
    ensure!(owed(&look) <= look.whole("time_wait"), "{look:?}");
    watch.stop()?;
    Ok(())
}
