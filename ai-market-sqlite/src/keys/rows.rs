use ai_market_core::access::{KeyHash, KeyId, KeyRecord, KeyState, Replaced};
use ai_market_core::time::Timestamp;

use crate::data::{limit, micros, name, time};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{InsertApiKey, KeyById, KeysAfter, ReplaceApiKey, RevokeApiKey};

/// A row of keys, in two parts like its SQL types.
type Row = (
    (Vec<u8>, String, Option<String>, String, Vec<u8>),
    (i64, Option<i64>, Option<i64>, Option<Vec<u8>>),
);

fn id(bytes: &[u8]) -> Result<KeyId, Error> {
    <[u8; 10]>::try_from(bytes)
        .map(KeyId::from_bytes)
        .map_err(|error| Error::corrupt("a key id", error))
}

fn record(
    ((key, role, worker, owner, hash), (created, expires, revoked, by)): Row,
) -> Result<KeyRecord, Error> {
    let role = role.parse();
    let role = role.map_err(|error| Error::corrupt("a role", error))?;
    let worker = worker.map(|text| name("a worker id", text)).transpose()?;
    let hash = <[u8; 32]>::try_from(hash.as_slice());
    let hash = hash.map_err(|error| Error::corrupt("the hash of a key", error))?;
    let mut record = KeyRecord::new(
        id(&key)?,
        role,
        worker,
        name("an owner", owner)?,
        KeyHash::from_bytes(hash),
        time(created),
    );
    record.expires_at = expires.map(time);
    record.revoked_at = revoked.map(time);
    record.replaced_by = by.as_deref().map(id).transpose()?;
    Ok(record)
}

impl Connection {
    pub(super) fn key(&mut self, id: KeyId) -> Result<Option<KeyRecord>, Error> {
        let row = self.row::<KeyById, Row, _>((id.as_bytes().as_slice(),))?;
        row.map(record).transpose()
    }

    pub(super) fn keys_after(
        &mut self,
        after: Option<KeyId>,
        n: usize,
    ) -> Result<Vec<KeyRecord>, Error> {
        // Nothing comes before the empty id.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        let rows = self.rows::<KeysAfter, Row, _>((after, limit(n)))?;
        rows.into_iter().map(record).collect()
    }

    /// Leaves a key of the same id as it is.
    pub(super) fn insert_key(&mut self, record: &KeyRecord) -> Result<(), Error> {
        if self.key(record.id)?.is_none() {
            self.insert_new_key(record)?;
        }
        Ok(())
    }

    fn insert_new_key(&mut self, record: &KeyRecord) -> Result<(), Error> {
        self.execute::<InsertApiKey>((
            record.id.as_bytes().as_slice(),
            record.role.as_str(),
            record.worker.as_ref().map(|worker| worker.as_str()),
            record.owner.as_str(),
            record.hash.as_bytes().as_slice(),
            micros(record.created_at),
            record.expires_at.map(micros),
            record.revoked_at.map(micros),
            record
                .replaced_by
                .as_ref()
                .map(|id| id.as_bytes().as_slice()),
        ))?;
        Ok(())
    }

    pub(super) fn replace_key(
        &mut self,
        old: KeyId,
        new: &KeyRecord,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, Error> {
        let Some(record) = self.key(old)? else {
            return Ok(Replaced::Unknown);
        };
        if record.state(now) != KeyState::Live {
            return Ok(Replaced::NotLive);
        }
        if let Some(before) = record.replaced_by {
            return Ok(Replaced::Before(before));
        }
        self.insert_new_key(new)?;
        self.execute::<ReplaceApiKey>((
            micros(expires),
            new.id.as_bytes().as_slice(),
            old.as_bytes().as_slice(),
        ))?;
        Ok(Replaced::Done)
    }

    pub(super) fn revoke_key(
        &mut self,
        id: KeyId,
        now: Timestamp,
    ) -> Result<Option<KeyRecord>, Error> {
        self.execute::<RevokeApiKey>((micros(now), id.as_bytes().as_slice()))?;
        self.key(id)
    }
}
