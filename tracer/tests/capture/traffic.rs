//! Real connections that end in every way a packet shows.
#![expect(
    unsafe_code,
    reason = "no library sets the extension headers of a socket"
)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    time::Duration,
};

use socket2::SockRef;

use crate::netns::Netns;

/// Segments with FIN or RST that one round of `play` makes, each seen once.
pub(crate) const SEGMENTS: usize = 2 + 2 + 1 + 1;

/// Connects from `client` to `address` in `server`: a graceful close from either side, a reset, and
/// a port nobody listens on.
pub(crate) fn play(client: &Netns, server: &Netns, address: SocketAddr, rounds: usize) {
    for _ in 0..rounds {
        let listener = server.inside(|| TcpListener::bind((address.ip(), 0)).unwrap());
        let target = listener.local_addr().unwrap();
        let connect = || {
            let near = client.inside(|| TcpStream::connect(target).unwrap());
            let (far, _) = listener.accept().unwrap();
            (near, far)
        };
        let (near, far) = connect();
        close_in_turn(near, far);
        let (near, far) = connect();
        close_in_turn(far, near);
        let (near, mut far) = connect();
        SockRef::from(&near)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(near);
        // Waits for the RST.
        assert!(far.read(&mut [0]).is_err());
        drop(listener);
        client.inside(|| TcpStream::connect(target).unwrap_err());
    }
}

/// Sends some bytes, closes, and lets the other end close when it has seen that.
fn close_in_turn(mut first: TcpStream, mut second: TcpStream) {
    first.write_all(b"some bytes").unwrap();
    drop(first);
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 10);
}

/// A graceful close whose segments from the client have a destination options header.
pub(crate) fn play_with_options(netns: &Netns) {
    netns.inside(|| {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        // One option of padding: six bytes of it fill the header.
        let options: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
        // SAFETY: the option is initialised, eight bytes long, and outlives the call.
        let set = unsafe {
            libc::setsockopt(
                near.as_raw_fd(),
                libc::IPPROTO_IPV6,
                libc::IPV6_DSTOPTS,
                (&raw const options).cast(),
                8,
            )
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
        close_in_turn(near, far);
    });
}
