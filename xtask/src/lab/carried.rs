//! How many bytes a connection carried, by what its two ends wrote.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{
    Lab, Test, scenes,
    told::{Carried, Ending},
    tracer::Tracer,
};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[("carried/payload", payload)];

/// What each end writes, the one that connects first, and whether the other one reads.
const CASES: [(u64, u64, bool); 5] = [
    (0, 0, true),
    (5, 0, true),
    (0, 7, true),
    (70_000, 11, true),
    (3, 0, false),
];

/// Payload is counted, and neither SYNs nor FINs: whichever end connected, closed first, or was reset.
fn payload(lab: &Lab) -> anyhow::Result<()> {
    let mut tracer = Tracer::start(lab.trace(&[]), lab.patience(Duration::from_secs(10)))?;
    let mut wanted = Vec::new();
    for case in CASES {
        for client_first in [true, false] {
            wanted.extend(carry(case, client_first)?);
        }
    }
    let of = |endings: &[Ending], end: (SocketAddr, SocketAddr)| {
        let own = |it: &&Ending| {
            let connection = &it.connection;
            let own = SocketAddr::from(connection.local) == end.0;
            own && SocketAddr::from(connection.remote) == end.1 && !it.answers_for_nobody()
        };
        endings.iter().rfind(own).map(|it| it.bytes)
    };
    let all = |endings: &[Ending]| {
        let mut wanted = wanted.iter();
        wanted.all(|(end, _)| of(endings, *end).is_some())
    };
    tracer.watch(lab.patience(scenes::SETTLED), all)?;
    let ended = tracer.stop()?;
    for (end, carried) in &wanted {
        let told = of(&ended.endings, *end).with_context(|| format!("no ending of {}", end.0))?;
        ensure!(
            told == *carried,
            "{} -> {}: {told:?} in place of {carried:?}",
            end.0,
            end.1
        );
    }
    scenes::accounted(ended.summary)
}

/// One end, by its own address and the other's, and what it carried.
type End = ((SocketAddr, SocketAddr), Carried);

/// Makes a connection that carries so much; the end that closes first waits for the other one to have
/// seen it.
fn carry(case: (u64, u64, bool), client_first: bool) -> anyhow::Result<[End; 2]> {
    let (up, down, read) = case;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let ends = (client.local_addr()?, client.peer_addr()?);
    (&client).write_all(&vec![b'.'; usize::try_from(up)?])?;
    (&server).write_all(&vec![b'.'; usize::try_from(down)?])?;
    if read {
        (&server).take(up).read_to_end(&mut Vec::new())?;
        (&client).take(down).read_to_end(&mut Vec::new())?;
    }
    let (first, mut last) = if client_first {
        (client, server)
    } else {
        (server, client)
    };
    drop(first);
    // The end of what came, or the RST that what nobody read was answered by.
    let _end = last.read_to_end(&mut Vec::new());
    drop(last);
    let carried = |sent, received| Carried {
        sent: Some(sent),
        received: Some(received),
    };
    Ok([
        (ends, carried(up, down)),
        ((ends.1, ends.0), carried(down, up)),
    ])
}
