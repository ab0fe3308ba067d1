//! Compressed RTF, as Outlook keeps the text of messages (MS-OXRTFCP).
//!
//! Decides that a damaged stream gives what could be read. Each two octets give at most 17, and the
//! result is bounded by the size that the header tells and by a limit.

/// The text that every dictionary begins with (MS-OXRTFCP section 2.1.2.1).
const PRELOADED: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const DICTIONARY: usize = 4_096;

/// The largest text that is given.
const MAX_RTF: usize = 64 << 20;

/// The RTF text of a compressed stream, `None` where it is none.
pub(super) fn decompress(stream: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| {
        stream
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_le_bytes)
    };
    let size = (word(4)? as usize).min(MAX_RTF);
    let data = stream.get(16..)?;
    match word(8)? {
        // "MELA": as it is.
        0x414c_454d => return Some(data.get(..size.min(data.len()))?.to_vec()),
        // "LZFu".
        0x7546_5a4c => {}
        _ => return None,
    }
    let mut dictionary = [0_u8; DICTIONARY];
    let (start, _) = dictionary.split_at_mut_checked(PRELOADED.len())?;
    start.copy_from_slice(PRELOADED);
    let mut write = PRELOADED.len();
    let mut out = Vec::with_capacity(size.min(data.len().saturating_mul(9)));
    let mut bytes = data.iter().copied();
    let mut put = |byte: u8, out: &mut Vec<u8>, dictionary: &mut [u8; DICTIONARY]| {
        out.push(byte);
        if let Some(place) = dictionary.get_mut(write % DICTIONARY) {
            *place = byte;
        }
        write = (write + 1) % DICTIONARY;
        write
    };
    let mut at = PRELOADED.len();
    'runs: while let Some(control) = bytes.next() {
        for bit in 0..8 {
            if out.len() >= size {
                break 'runs;
            }
            let Some(first) = bytes.next() else {
                break 'runs;
            };
            if control >> bit & 1 == 0 {
                at = put(first, &mut out, &mut dictionary);
                continue;
            }
            let Some(second) = bytes.next() else {
                break 'runs;
            };
            let reference = usize::from(u16::from_be_bytes([first, second]));
            let (offset, length) = (reference >> 4, (reference & 15) + 2);
            if offset == at {
                break 'runs;
            }
            for step in 0..length {
                let byte = dictionary
                    .get((offset + step) % DICTIONARY)
                    .copied()
                    .unwrap_or_default();
                at = put(byte, &mut out, &mut dictionary);
            }
        }
    }
    out.truncate(size);
    Some(out)
}
