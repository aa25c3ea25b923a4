//! The options at the end of pcapng blocks.

use super::{error::Damage, numbers::Order};

/// Each option's code and value, up to the one that ends them or one that makes no sense.
pub(super) fn each(order: Order, options: &[u8]) -> Options<'_> {
    Options {
        order,
        rest: options,
    }
}

pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let Some((&[c0, c1, l0, l1], rest)) = rest.split_first_chunk() else {
            return Some(Err(Damage::Option));
        };
        let code = self.order.u16([c0, c1]);
        if code == 0 {
            return None;
        }
        let length = usize::from(self.order.u16([l0, l1]));
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return Some(Err(Damage::Option));
        };
        let padding = length.next_multiple_of(4) - length;
        self.rest = rest.get(padding..).unwrap_or_default();
        Some(Ok((code, value)))
    }
}
