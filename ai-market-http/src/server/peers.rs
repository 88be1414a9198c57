use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the open connections of each peer.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    max: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Peers {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            open: Arc::default(),
        }
    }

    /// Counts one more connection of the peer, unless it has as many as it may.
    pub(super) fn admit(&self, address: IpAddr) -> Option<PeerSlot> {
        let peer = peer_of(address);
        let mut open = self.open();
        let count = open.entry(peer).or_default();
        // Never true of a peer that has just been entered, so that no empty entry stays.
        if *count >= self.max {
            return None;
        }
        *count += 1;
        drop(open);
        Some(PeerSlot {
            peers: self.clone(),
            peer,
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One IPv6 client usually has all addresses that share their first 64 bits.
pub(super) fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            Ipv6Addr::from_bits(network).into()
        }
    }
}

/// A connection of a peer, which counts until this is dropped.
#[derive(Debug)]
pub(super) struct PeerSlot {
    peers: Peers,
    peer: IpAddr,
}

impl Drop for PeerSlot {
    fn drop(&mut self) {
        let mut open = self.peers.open();
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_has_its_own_count() {
        let peers = Peers::new(2);
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = peers.admit(one).unwrap();
        let second = peers.admit(one).unwrap();
        assert!(peers.admit(one).is_none());
        let third = peers.admit(other).unwrap();
        drop(first);
        let fourth = peers.admit(one).unwrap();
        drop((second, third, fourth));
        assert!(peers.open().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let parse = |text: &str| peer_of(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8:0:0:ffff::2"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:10.0.0.1"), parse("10.0.0.1"));
    }
}
