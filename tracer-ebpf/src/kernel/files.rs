//! Files and descriptors.

use super::{Address, Structure, has, read, read_at, task};

/// `S_IFMT` and `S_IFSOCK`, `include/uapi/linux/stat.h`.
const TYPE: u16 = 0o170_000;
const SOCKET: u16 = 0o140_000;
/// Set in a dead `f_ref` (`FILE_REF_DEAD` and above, `include/linux/file_ref.h`, 6.13).
const FILE_REF_DEAD: u64 = 0xC000_0000_0000_0000;
/// `TS_COMPAT`, `arch/x86/include/asm/thread_info.h`.
const TS_COMPAT: u32 = 2;

/// References to a file beyond the one its caller is about to give back.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "no file has 2^32 references"
)]
pub(crate) fn other_references(file: Address) -> u32 {
    if has(|offsets| &offsets.file_ref) {
        // One less than there are.
        let count: u64 = read(file, |offsets| &offsets.file_ref);
        if count < FILE_REF_DEAD {
            count as u32
        } else {
            0
        }
    } else {
        let count: u64 = read(file, |offsets| &offsets.file_count);
        count.saturating_sub(1) as u32
    }
}

/// Whether anything refers to a file: at the release of the last descriptor the count is zero
/// (before 6.13) or dead (since), because `__fput` runs after the count went down.
#[inline(always)]
pub(crate) fn is_held(file: impl Structure) -> bool {
    if has(|offsets| &offsets.file_ref) {
        file.field::<u64>(|offsets| &offsets.file_ref) < FILE_REF_DEAD
    } else {
        file.field::<u64>(|offsets| &offsets.file_count) != 0
    }
}

/// Whether a file is a socket's.
#[inline(always)]
pub(crate) fn is_socket(file: Address) -> bool {
    let inode: Address = read(file, |offsets| &offsets.file_inode);
    read::<u16>(inode, |offsets| &offsets.inode_mode) & TYPE == SOCKET
}

/// The `struct socket` of a socket's file.
#[inline(always)]
pub(crate) fn socket(file: Address) -> Address {
    read(file, |offsets| &offsets.file_private_data)
}

/// The `struct sock` of a `struct socket`.
#[inline(always)]
pub(crate) fn sk(socket: Address) -> Address {
    read(socket, |offsets| &offsets.socket_sk)
}

/// The file of the descriptor that is the first argument of the running 64-bit system call; zero
/// when there is none.
#[inline(always)]
pub(crate) fn first_argument(regs: Address) -> Address {
    if task::compat_status() & TS_COMPAT != 0 || !has(|offsets| &offsets.regs_first) {
        return 0;
    }
    of_descriptor(read(regs, |offsets| &offsets.regs_first))
}

/// The file of a descriptor of the running task; zero when there is none.
#[inline(always)]
pub(crate) fn of_descriptor(descriptor: u64) -> Address {
    let table: Address = read(task::files(), |offsets| &offsets.files_table);
    let size: u32 = read(table, |offsets| &offsets.table_size);
    // The kernel looks at the lower half of the register only.
    let descriptor = descriptor & 0xffff_ffff;
    if descriptor >= u64::from(size) || !has(|offsets| &offsets.table_files) {
        return 0;
    }
    let files: Address = read(table, |offsets| &offsets.table_files);
    read_at(files.wrapping_add(descriptor * 8))
}
