//! Writes the archive an initramfs is: cpio in its "newc" form.
//!
//! Format: `Documentation/driver-api/early-userspace/buffer-format.rst` of the kernel.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::Path,
};

const DIRECTORY: u32 = 0o040_755;
const CHARACTER_DEVICE: u32 = 0o020_600;
const REGULAR: u32 = 0o100_000;

/// An archive being written; directories appear as the entries below them need them.
#[derive(Debug)]
pub(super) struct Archive<W> {
    out: W,
    inode: u32,
    directories: BTreeSet<String>,
}

/// What the header of an entry says besides its name and size.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    mode: u32,
    device: (u32, u32),
}

impl<W: Write> Archive<W> {
    /// An empty archive.
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            inode: 0,
            directories: BTreeSet::new(),
        }
    }

    /// Adds a file with its permissions, `0o755` of a program.
    ///
    /// # Errors
    /// When the output cannot be written, or the contents exceed 4 GiB.
    pub(super) fn file(&mut self, name: &str, permissions: u32, contents: &[u8]) -> io::Result<()> {
        self.parents(name)?;
        let header = Header {
            mode: REGULAR | permissions,
            ..Header::default()
        };
        self.entry(name, header, contents)
    }

    /// Adds an empty directory.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn directory(&mut self, name: &str) -> io::Result<()> {
        self.parents(&format!("{name}/entry"))
    }

    /// Adds a character device by its major and minor number.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn device(&mut self, name: &str, device: (u32, u32)) -> io::Result<()> {
        self.parents(name)?;
        self.entry(
            name,
            Header {
                mode: CHARACTER_DEVICE,
                device,
            },
            &[],
        )
    }

    /// Writes the trailer and gives the output back.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", Header::default(), &[])?;
        Ok(self.out)
    }

    fn parents(&mut self, name: &str) -> io::Result<()> {
        let mut above: Vec<&Path> = Path::new(name).ancestors().skip(1).collect();
        above.reverse();
        for directory in above {
            let directory = directory.to_string_lossy().into_owned();
            if !directory.is_empty() && self.directories.insert(directory.clone()) {
                self.entry(
                    &directory,
                    Header {
                        mode: DIRECTORY,
                        ..Header::default()
                    },
                    &[],
                )?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, header: Header, contents: &[u8]) -> io::Result<()> {
        let size = u32::try_from(contents.len()).map_err(io::Error::other)?;
        let name_size = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
        self.inode += 1;
        let (major, minor) = header.device;
        // inode, mode, uid, gid, links, mtime, size, device, rdevice, size of the name, check
        let fields = [
            self.inode,
            header.mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        let fields = fields.map(|field| format!("{field:08x}")).concat();
        let head = format!("070701{fields}{name}\0");
        self.padded(head.as_bytes())?;
        self.padded(contents)
    }

    /// Writes bytes up to a multiple of four.
    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        let missing = bytes.len().next_multiple_of(4) - bytes.len();
        self.out.write_all(&vec![0; missing])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_starts_at_a_multiple_of_four() {
        for size in 0..9 {
            let mut archive = Archive::new(Vec::new());
            archive.file("x", 0o644, &vec![b'x'; size]).unwrap();
            assert_eq!(archive.finish().unwrap().len() % 4, 0, "{size}");
        }
    }

    #[test]
    fn busybox_reads_back_what_was_written() {
        let Some(busybox) = crate::shell::find("busybox") else {
            return;
        };
        let directory = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(Vec::new());
        archive.file("usr/lib/deep/one", 0o755, b"first").unwrap();
        archive.file("usr/lib/two", 0o644, b"second file").unwrap();
        archive.directory("sys").unwrap();
        let path = directory.path().join("archive");
        std::fs::write(&path, archive.finish().unwrap()).unwrap();
        let status = std::process::Command::new(busybox)
            .args(["cpio", "-id"])
            .stdin(std::fs::File::open(&path).unwrap())
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
        assert_eq!(read("usr/lib/deep/one"), b"first");
        assert_eq!(read("usr/lib/two"), b"second file");
        assert!(directory.path().join("sys").is_dir());
    }
}
