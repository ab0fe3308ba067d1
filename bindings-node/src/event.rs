//! The events as JavaScript objects: a `type` and what belongs to it
//! (`bindings-wasm/ts/event.ts`).

use napi::Env;
use napi::bindgen_prelude::*;
use popmail::{Capabilities, ClientEvent, ServerEvent};

use crate::convert::object;
use crate::error::describe;

/// An event of a client connection.
pub fn client<'env>(env: &'env Env, event: ClientEvent) -> Result<Object<'env>> {
    let bytes = |octets: &[u8]| BufferSlice::copy_from(env, octets);
    Ok(match event {
        ClientEvent::GreetingReceived { reply } => object!(env, {
            c"type": "greetingReceived",
            c"line": bytes(reply.line())?,
        }),
        ClientEvent::TlsReady { handle } => object!(env, {
            c"type": "tlsReady",
            c"handle": handle.number() as f64,
        }),
        ClientEvent::ReconnectRequested { handle } => object!(env, {
            c"type": "reconnectRequested",
            c"handle": handle.number() as f64,
        }),
        ClientEvent::LoginFinished { handle } => object!(env, {
            c"type": "loginFinished",
            c"handle": handle.number() as f64,
        }),
        ClientEvent::CommandFinished { handle, reply } => object!(env, {
            c"type": "commandFinished",
            c"handle": handle.number() as f64,
            c"line": bytes(reply.line())?,
        }),
        ClientEvent::CommandFailed { handle, error } => object!(env, {
            c"type": "commandFailed",
            c"handle": handle.number() as f64,
            c"error": describe(env, &error)?,
        }),
        ClientEvent::CapabilitiesReceived {
            handle,
            capabilities: all,
        } => object!(env, {
            c"type": "capabilitiesReceived",
            c"handle": handle.number() as f64,
            c"capabilities": capabilities(env, &all)?,
        }),
        ClientEvent::StatReceived { handle, stat } => object!(env, {
            c"type": "statReceived",
            c"handle": handle.number() as f64,
            c"count": stat.count as f64,
            c"octets": stat.octets as f64,
        }),
        ClientEvent::ListReceived { handle, entries } => {
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.number).collect();
            let sizes: Vec<f64> = entries.iter().map(|entry| entry.octets as f64).collect();
            object!(env, {
                c"type": "listReceived",
                c"handle": handle.number() as f64,
                c"numbers": Uint32ArraySlice::copy_from(env, numbers)?,
                c"sizes": Float64ArraySlice::copy_from(env, sizes)?,
            })
        }
        ClientEvent::UidlReceived { handle, entries } => {
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.number).collect();
            let mut uids = String::new();
            let mut end = 0;
            let ends: Vec<u32> = entries
                .iter()
                .map(|entry| {
                    uids.push_str(entry.uid);
                    end += entry.uid.encode_utf16().count() as u32;
                    end
                })
                .collect();
            object!(env, {
                c"type": "uidlReceived",
                c"handle": handle.number() as f64,
                c"numbers": Uint32ArraySlice::copy_from(env, numbers)?,
                c"ends": Uint32ArraySlice::copy_from(env, ends)?,
                c"uids": uids,
            })
        }
        ClientEvent::ContentReceived { handle, chunk } => object!(env, {
            c"type": "contentReceived",
            c"handle": handle.number() as f64,
            c"chunk": bytes(&chunk)?,
        }),
        ClientEvent::ContentFinished {
            handle,
            octets,
            content,
        } => object!(env, {
            c"type": "contentFinished",
            c"handle": handle.number() as f64,
            c"octets": octets as f64,
            c"content": bytes(&content)?,
        }),
        ClientEvent::DeviationObserved { deviation, octets } => object!(env, {
            c"type": "deviationObserved",
            c"deviation": deviation.as_str(),
            c"octets": bytes(&octets)?,
        }),
        ClientEvent::LanguagesReceived { handle, languages } => object!(env, {
            c"type": "languagesReceived",
            c"handle": handle.number() as f64,
            c"languages": languages
                .into_iter()
                .map(|one| Ok(object!(env, { c"tag": one.tag, c"name": one.name })))
                .collect::<Result<Vec<_>>>()?,
        }),
        ClientEvent::LineTraced { direction, line } => object!(env, {
            c"type": "lineTraced",
            c"direction": direction.as_str(),
            c"line": line,
        }),
        ClientEvent::ConnectionClosed { error } => {
            let mut closed = object!(env, { c"type": "connectionClosed" });
            if let Some(error) = error {
                closed.set_c_named_property(c"error", describe(env, &error)?)?;
            }
            closed
        }
        // The core may grow events; the face ignores what it does not know.
        other => object!(env, { c"type": format!("{other:?}") }),
    })
}

/// An event of a server connection. The credentials stay behind: the engine
/// object verifies them.
pub fn server<'env>(env: &'env Env, event: &ServerEvent) -> Result<Object<'env>> {
    Ok(match event {
        ServerEvent::Authenticate { credentials } => object!(env, {
            c"type": "authenticate",
            c"user": credentials.user(),
        }),
        ServerEvent::KeysWanted {
            user,
            salt,
            iterations,
        } => object!(env, {
            c"type": "keysWanted",
            c"user": user.as_str(),
            c"salt": BufferSlice::copy_from(env, salt)?,
            c"iterations": *iterations,
        }),
        ServerEvent::OpenMaildrop { user } => object!(env, {
            c"type": "openMaildrop",
            c"user": user.as_str(),
        }),
        ServerEvent::Retrieve {
            number,
            lines,
            utf8,
        } => object!(env, {
            c"type": "retrieve",
            c"number": *number,
            c"lines": lines.map(|lines| lines as f64),
            c"utf8": *utf8,
        }),
        ServerEvent::Commit { deleted } => object!(env, {
            c"type": "commit",
            c"deleted": deleted.clone(),
        }),
        ServerEvent::TlsReady => object!(env, { c"type": "tlsReady" }),
        ServerEvent::LoginFailed { user, count, delay } => object!(env, {
            c"type": "loginFailed",
            c"user": user.as_str(),
            c"count": *count,
            c"delay": delay.as_secs_f64() * 1e3,
        }),
        ServerEvent::CommandRefused { count, delay } => object!(env, {
            c"type": "commandRefused",
            c"count": *count,
            c"delay": delay.as_secs_f64() * 1e3,
        }),
        ServerEvent::ClientForwarded { address, port } => object!(env, {
            c"type": "clientForwarded",
            c"address": address.to_string(),
            c"port": port.map(u32::from),
        }),
        ServerEvent::LineReceived { line } => object!(env, {
            c"type": "lineReceived",
            c"line": line.as_str(),
        }),
        ServerEvent::ConnectionClosed { reason } => object!(env, {
            c"type": "connectionClosed",
            c"reason": reason.as_str(),
        }),
        other => object!(env, { c"type": format!("{other:?}") }),
    })
}

/// The parameters of each capability by its tag in upper case, and what the
/// RFCs give a form.
pub fn capabilities<'env>(env: &'env Env, all: &Capabilities) -> Result<Object<'env>> {
    let mut parameters = Object::new(env)?;
    for (tag, words) in all.iter() {
        parameters.set_named_property(&tag, words)?;
    }
    let mut object = object!(env, {
        c"parameters": parameters,
        c"authRespCode": all.auth_resp_code(),
        c"lang": all.lang(),
        c"pipelining": all.pipelining(),
        c"respCodes": all.resp_codes(),
        c"sasl": all.sasl().collect::<Vec<_>>(),
        c"stls": all.stls(),
        c"top": all.top(),
        c"uidl": all.uidl(),
        c"user": all.user(),
        c"utf8": all.utf8(),
        c"utf8User": all.utf8_user(),
    });
    if let Some(implementation) = all.implementation() {
        object.set_c_named_property(c"implementation", implementation)?;
    }
    if let Some(expire) = all.expire() {
        let days = expire.days.map_or(f64::INFINITY, |days| days as f64);
        let described = object!(env, { c"days": days, c"perUser": expire.per_user });
        object.set_c_named_property(c"expire", described)?;
    }
    if let Some(delay) = all.login_delay() {
        let seconds = delay.seconds as f64;
        let described = object!(env, { c"seconds": seconds, c"perUser": delay.per_user });
        object.set_c_named_property(c"loginDelay", described)?;
    }
    Ok(object)
}
