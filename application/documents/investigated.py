"""From the door to the county's desk (受理至公示): what the documents of these steps say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from application.describing.labels import code_word
from application.documents.chain import Chain, Content, application, formal, incomes, members
from application.documents.chinese import amount, day
from application.documents.organs import organ_name
from domain.decision.extension import LimitExtended
from domain.decision.file_return import FileReturned
from domain.decision.notice import NoticePosted
from domain.inquiry.verification import HomeVisited, VerificationReported
from domain.intake.application import ApplicationAccepted, Applied
from domain.intake.application_closure import GROUND_WORDS, ApplicationNotAccepted
from domain.intake.authorisation import VerificationAuthorised
from domain.intake.completeness import MaterialsSupplemented, MissingItemsNotified
from domain.values.issued import DocumentKind


def _missing(chain: Chain) -> Content:
    notified = chain.the(MissingItemsNotified, case=chain.case.id)
    return {**application(chain), "notified_on": day(notified.on), "items": list(notified.items)}


def _accepted(chain: Chain) -> Content:
    accepted = chain.the(ApplicationAccepted, case=chain.case.id)
    supplemented = [
        e for e in chain.events if isinstance(e, MaterialsSupplemented) and e.case == chain.case.id
    ]
    term = chain.context.rules(accepted.on).integer(f"deadline.{accepted.total_due.what}")
    return {
        **application(chain),
        "accepted_on": day(accepted.on),
        "supplemented": [item for event in supplemented for item in event.items],
        "term": str(term),
        "due": day(accepted.total_due.day),
        "investigation_due": day(accepted.investigation_due.day),
    }


def _authorisation(chain: Chain) -> Content:
    adult = chain.context.rules(chain.on).integer("adult-age")
    signed: dict[object, date] = {
        person: event.on
        for event in chain.events
        if isinstance(event, VerificationAuthorised) and event.case == chain.case.id
        for person in event.persons
    }
    counted = zip(chain.household.counted(chain.on), members(chain, chain.on), strict=True)
    rows = [
        {**row, "signed": day(signed[member.person]) if member.person in signed else ""}
        for member, row in counted
        if member.is_adult(chain.on, adult)
    ]
    return {**application(chain), "rows": rows}


def _visit(chain: Chain) -> Content:
    visits = [visit for visit in chain.case.visits if visit.on == chain.certified.step_on]
    visited = visits[-1]  # as state has it: the day of a visit may have been corrected
    told = chain.last(HomeVisited, case=chain.case.id, investigators=visited.investigators)
    applied = chain.last(Applied, case=chain.case.id)
    return {
        **application(chain),
        "visited_on": day(visited.on),
        "level": code_word(visited.level, "level"),
        "investigators": "、".join(visited.investigators),
        "signed_by": chain.name(told.signed_by if told else None),
        "rows": members(chain, visited.on),
        "income": incomes(chain, chain.case.income),
        "spending": [
            {"kind": code_word(s.kind), "period": code_word(s.period), "amount": amount(s.fen)}
            for s in (applied.spending if applied else ())
        ],
        "property": _property(applied),
    }


def _result(chain: Chain) -> Content:
    case = chain.case
    reported = chain.the(VerificationReported, case=case.id)
    return {
        **application(chain),
        "reported_on": day(reported.on),
        "rechecked_on": day(case.rechecked_on) if case.rechecked_on else "",
        "eligible": "yes" if case.report_eligible else "",
        "sources": "、".join(code_word(source) for source in reported.sources),
        "hits": [
            {
                "source": code_word(hit.source),
                "kind": code_word(hit.kind),
                "name": chain.name(hit.person),
                "amount": amount(hit.fen) if hit.fen is not None else "",
            }
            for hit in reported.hits
        ],
    }


def _board(chain: Chain) -> Content:
    # M57 art.24 and domain practice: name, number of members, amount; nothing else may stand here
    posted = chain.the(NoticePosted, case=chain.case.id)
    return {
        "applicant": chain.name(chain.case.applicant),
        "category": formal(chain.case.category),
        "members": str(posted.members),
        "amount": amount(posted.fen),
        "posted_on": day(posted.on),
        "ends_on": day(posted.due.day),
    }


def _property(applied: Applied | None) -> list[str]:
    owned = applied.property if applied else None
    if owned is None:
        return []
    said = [
        owned.tenure and f"住房：{code_word(owned.tenure)}",
        owned.dwellings is not None and f"房产{owned.dwellings}套",
        owned.floor_area is not None
        and f"建筑面积{owned.floor_area // 100}.{owned.floor_area % 100:02d}平方米",
        owned.financial is not None and f"金融资产{amount(owned.financial)}",
        owned.vehicles is not None and f"机动车{owned.vehicles}辆",
        owned.business is not None and ("有经营实体" if owned.business else "无经营实体"),
    ]
    return [each for each in said if each]


def _declined(chain: Chain) -> Content:
    declined = chain.the(ApplicationNotAccepted, subject=chain.certified.subject)
    applicant = declined.applicant or chain.addressee
    regions, place = chain.context.regions, declined.place
    return {
        "applicant": chain.name(applicant),
        "category": formal(declined.category),
        "decided_on": day(declined.on),
        "ground": GROUND_WORDS[declined.ground],
        "reasons": declined.reasons,
        "right_place": regions.at(place, declined.on).name if place else "",
    }


def _extended(chain: Chain) -> Content:
    extended = chain.the(LimitExtended, extension=chain.certified.subject)
    return {
        **application(chain),
        "extended_on": day(extended.on),
        "accepted_on": day(chain.case.accepted_on) if chain.case.accepted_on else "",
        "reason": code_word(extended.reason, "reason"),
        "ground": extended.ground,
        "due": day(extended.due.day),
    }


def _returned(chain: Chain) -> Content:
    returned = chain.the(FileReturned, case=chain.case.id, on=chain.certified.step_on)
    township = chain.household.region(chain.on)[:9]
    return {
        **application(chain),
        "office": organ_name(f"{township}/township", chain.context.regions, chain.on),
        "returned_on": day(returned.on),
        "ordinal": str(returned.ordinal),
        "items": list(returned.items),
        "reasons": returned.reasons,
        "due": day(returned.due.day),
    }


CONTENTS: Final[Mapping[DocumentKind, Callable[[Chain], Content]]] = {
    "missing-items-notice": _missing,
    "non-acceptance-notice": _declined,
    "acceptance-notice": _accepted,
    "verification-authorisation": _authorisation,
    "home-visit-form": _visit,
    "verification-result": _result,
    "public-notice": _board,
    "file-return-notice": _returned,
    "extension-notice": _extended,
}
