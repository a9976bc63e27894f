"""What zones and regions did as a report."""

from __future__ import annotations

import shlex

from vmafkit.report.data import ReportData, Table
from vmafkit.schema.zones import ZonesResult


def zones_report(found: ZonesResult) -> ReportData:
    """Bits of each zone and luma PSNR of each region, with and without them."""
    what = " and ".join(n for n, used in (("zones", found.zones), ("regions", found.rois)) if used)
    zones = Table(
        "Zones",
        ("zone", "first frame", "last frame", "kbit plain", "kbit", "change %"),
        tuple(
            (each.zone, each.first_frame, each.last_frame, each.bits_plain / 1000,
             each.bits / 1000, each.change_percent)
            for each in found.zones
        ),
        note="Counted in the packets of the plain encode and of one with the zones alone.",
    )  # fmt: skip
    regions = Table(
        "Regions",
        ("region", "inside dB plain", "inside dB", "outside dB plain", "outside dB", "gain dB"),
        tuple(
            (each.roi, each.inside_plain_db, each.inside_db, each.outside_plain_db,
             each.outside_db, each.gain_db)
            for each in found.rois
        ),
        note=f"Luma PSNR against the source. Plain: {_base(found)}. Gain: of the region over the "
        "rest of the picture.",
    )  # fmt: skip
    whole = Table(
        "The whole video",
        ("what", "bytes"),
        (("plain", found.video_bytes_plain), (f"with {what}", found.video_bytes)),
    )
    zones_done = [
        (f"zone {each.zone}", f"{each.change_percent:+.1f} %") for each in found.zones[:2]
    ]
    regions_done = [(f"region {each.roi}", f"{each.gain_db:+.1f} dB") for each in found.rois[:2]]
    output = (("output", found.output.path),) if found.output else ()
    return ReportData(
        title=f"{found.encoder} {found.preset} at {found.crf:g} with {what}",
        lead=_lead(found),
        highlights=(
            ("bits of the video", f"{found.change_percent:+.1f} %"), *zones_done, *regions_done
        ),
        facts=(("source", found.source), *output),
        tables=tuple(table for table in (zones, regions, whole) if table.rows),
        versions=tuple((name, value) for name, value in found.versions.items() if value),
        commands=(shlex.join(found.command),),
    )  # fmt: skip


def _lead(found: ZonesResult) -> str:
    parts = [f"The video has {found.change_percent:+.1f} % bits, measured against a plain encode."]
    if found.zones:
        shares = any("b=" in each.zone for each in found.zones)
        more = ", those with b= the way asked for" if shares else ""
        parts.append(f"Each zone changed the bits of its frames{more}.")
    if found.rois:
        parts.append(
            "Each region moved in luma PSNR against the rest of the picture the way asked for."
        )
    return " ".join((*parts, "Whether it is by the amount asked for was not checked."))


def _base(found: ZonesResult) -> str:
    return "with the zones, without the regions" if found.zones else "without the regions"
