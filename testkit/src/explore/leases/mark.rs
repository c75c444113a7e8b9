//! What of two clients and their server the future depends on.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Message, Place, Stream};
use crate::explore::table::Right;

impl Place {
    pub(super) fn mark(&self, hasher: &mut impl Hasher) {
        let left = |until: u64| until.saturating_sub(self.now);
        // The two are alike: which is called the first makes no difference.
        let face = self.clients.each_ref().map(|client| {
            let mut hasher = DefaultHasher::new();
            client.watch.outlook().hash(&mut hasher);
            (client.lease.is_some(), client.woken, client.last.is_some()).hash(&mut hasher);
            hasher.finish()
        });
        let swapped = usize::from(face[0] > face[1]);
        let who = |client: usize| client ^ swapped;
        // Leases by their first mention here, not by their numbers; and whose each is.
        let mut names: Vec<u32> = Vec::new();
        let mut nick = |lease: u32| {
            let known = names.iter().position(|known| *known == lease);
            let nick = known.unwrap_or_else(|| {
                names.push(lease);
                names.len() - 1
            });
            (nick, self.owner(lease).map(who))
        };
        let mut right =
            |right: &Right| (nick(right.lease), right.before.map(&mut nick), left(right.until));
        (self.wakes, self.restarts).hash(hasher);
        self.table.holder.as_ref().map(&mut right).hash(hasher);
        self.table.wake_until.map(left).hash(hasher);
        self.table.woken.as_ref().map(|(gone, wake)| (right(gone), left(*wake))).hash(hasher);
        for at in [0, 1].map(who) {
            face[at].hash(hasher);
            (self.clients[at].lease.map(&mut nick), self.clients[at].last.map(&mut nick))
                .hash(hasher);
        }
        let mut messages: Vec<&(Message, bool)> = self.messages.iter().collect();
        messages.sort_by_key(|(message, repeated)| (message.key(who), *repeated));
        for (message, repeated) in messages {
            repeated.hash(hasher);
            match *message {
                Message::Open { client, attempt, previous } => {
                    let current = self.clients[client].attempt == attempt;
                    (0, who(client), current, previous.map(&mut nick)).hash(hasher);
                }
                Message::Refused { client, .. } => (1, who(client)).hash(hasher),
                Message::Beat { client, beat, lease } => {
                    let current = self.clients[client].beat == Some(beat);
                    (2, who(client), current, nick(lease)).hash(hasher);
                }
                Message::Answer { client, status, .. } => (3, who(client), status).hash(hasher),
            }
        }
        let mut streams: Vec<&Stream> = self.streams.iter().collect();
        streams.sort_by_key(|stream| (who(stream.client), stream.lease));
        for stream in streams {
            (who(stream.client), nick(stream.lease), &stream.items).hash(hasher);
            (stream.read, stream.served).hash(hasher);
        }
    }
}

impl Message {
    fn key(&self, who: impl Fn(usize) -> usize) -> (u8, usize, u64, u32) {
        match *self {
            Self::Open { client, attempt, previous } => {
                (0, who(client), attempt, previous.unwrap_or(0))
            }
            Self::Refused { client, attempt } => (1, who(client), attempt, 0),
            Self::Beat { client, beat, lease } => (2, who(client), beat, lease),
            Self::Answer { client, beat, status } => (3, who(client), beat, u32::from(status)),
        }
    }
}
