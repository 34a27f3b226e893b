"""How a connection goes on after what went wrong or ended: failures, deletes, deaths."""

from typing import Final

from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.aftermath import after_death, after_delete
from ikebana.daemon.blame import note
from ikebana.daemon.children import Wish
from ikebana.daemon.course import Course, failed_state
from ikebana.daemon.live import Standing
from ikebana.daemon.orders import CloseAll, Ended, Order, RouteState
from ikebana.daemon.tries import AT_ONCE
from ikecore.actions import ChildClosed, Closed, Failed, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose


class Setbacks:
    """Tell it what an endpoint says of an end; it makes the course's moves."""

    def __init__(self, course: Course) -> None:
        self._course = course

    # -- failures -------------------------------------------------------------------------------
    def on_failed(self, failed: Failed, now: float) -> list[Order]:
        """Take it that a try of ours or of the peer failed."""
        course, diagnosis = self._course, failed.diagnosis
        if not self._is_ours(failed):
            return self._on_peer_failed(failed, now)
        told = note(diagnosis)
        if course.held:
            return [told]
        course.blame.take_ours(diagnosis, now)
        if failed.child is not None:
            return [told, *self._on_child_failed(failed, course.kids.wish_of(failed.child), now)]
        if course.kids.any_on(failed.sa) or _is_death(failed):
            return [told]  # what follows is told by its Closed
        made = course.live.made
        is_try = failed.sa == made if course.live.has(failed.sa) else course.trying
        if not is_try:
            return [told]
        course.live.doom(failed.sa)
        return [told, *self._on_try_failed(diagnosis, now)]

    def _is_ours(self, failed: Failed) -> bool:
        """Tell whether we had begun: a child on the peer's IKE SA may be ours, too."""
        kids = self._course.kids
        asked = failed.child is not None and kids.is_making(kids.wish_of(failed.child))
        return failed.initiator or asked

    def _on_child_failed(self, failed: Failed, wish: Wish, now: float) -> list[Order]:
        """Go on without one child; the IKE SA stays."""
        course, kids = self._course, self._course.kids
        if course.stale & wish.spis:
            return course.anew()
        if wish.spis and not wish.tries.is_planned:
            return []  # it could not be replaced, and serves on
        course.live.refuse(failed.sa)
        if wish.tries.is_planned or course.may_start:
            course.worst = course.worst or failed.diagnosis
            kids.fail(wish, now)
        if course.once or (wish.spis and wish.tries.has_failed):
            wish.tries.rest()
        if not (kids.any_up or course.is_under_way):
            course.state = failed_state(failed.diagnosis)
        return [*course.settle(wish), *course.make(now)]

    def _on_try_failed(self, diagnosis: Diagnosis, now: float) -> list[Order]:
        course = self._course
        course.trying = False
        course.kids.give_up()
        course.kids.await_none()
        ended = Ended(ok=False, diagnosis=diagnosis)
        if course.kids.any_up:  # the next SA could not be made: the one we have serves on
            course.live.cancel_renewal()
            course.kids.rest()
            course.ike.put_off(now)
            return [ended, *course.make(now)]
        course.ike.fail(now)
        if course.once:
            course.once = False
            course.ike.rest()
            course.kids.rest()
        stage1 = diagnosis.stage == 1
        course.state = State.CONNECTING_PHASE1 if stage1 else State.CONNECTING_PHASE2
        if course.ike.has_failed or not course.ike.is_planned:
            course.state = failed_state(diagnosis)
        return [ended]

    def _on_peer_failed(self, failed: Failed, now: float) -> list[Order]:
        """Take it that the peer's try failed here.

        Anyone can make an unauthenticated one fail: it says nothing of a tunnel that is up, and a
        flood of them writes a line a second.
        """
        course, diagnosis = self._course, failed.diagnosis
        if not course.kids.any_on(failed.sa):
            course.live.refuse(failed.sa)
        if course.kids.any_up and not diagnosis.proven:
            return []
        if not course.held:
            course.blame.take_theirs(diagnosis, now)
            if not (course.kids.any_up or course.is_under_way):
                course.state = failed_state(diagnosis)
        return course.blame.note_theirs(diagnosis, now)

    # -- children -------------------------------------------------------------------------------
    def on_child_closed(self, report: ChildClosed, now: float) -> list[Order]:
        """Take it that one child is gone; its IKE SA may stay."""
        course = self._course
        course.stale.discard(report.inbound_spi)
        wish = course.kids.remove(report.inbound_spi)
        if wish is None or not course.is_admitting or not course.live.has(report.sa):
            return course.make(now)
        initiation, pause = course.terms.initiation, course.terms.tries.pause
        match report.reason:
            case Reason.LIFETIME:
                after = after_delete(CloseAction.RESTART, initiation)
                wish.tries.at = AT_ONCE if course.may_start else wish.tries.at
            case Reason.PEER_DELETED:
                course.blame.reason = diagnose(2, Code.PEER_DELETED)
                after = after_delete(course.terms.close_action, initiation)
                wish.tries.at = now + pause if after.starts else wish.tries.at
            case _:  # most likely the end of its IKE SA is told next
                if initiation is Initiation.ACTIVE:
                    wish.tries.at = now + pause
                return []
        course.trapped = course.trapped or after.routes is RouteState.TRAP
        if course.kids.any_up:
            return course.make(now)
        course.state = after.state
        at_rest = course.kids.next_at() > now
        orders = [*course.route(after.routes), *course.make(now)]
        course.state = after.state if at_rest else course.state
        return orders

    # -- ends -----------------------------------------------------------------------------------
    def on_closed(self, closed: Closed, now: float) -> list[Order]:
        """Take it that an IKE SA is gone."""
        course = self._course
        was_made = closed.sa == course.live.made
        standing = course.live.remove(closed.sa)
        if standing is Standing.UNKNOWN:
            return self._unannounced_end(closed, now)
        course.kids.remove_all(closed.sa)
        if standing is Standing.LEAVING or course.held:
            return []
        if was_made:  # nothing was said of its child: it is as if that had been refused
            course.kids.rest()
        elif not course.live.home:
            course.kids.give_up()
        if course.live.is_renewing and not (course.trying or course.live.renewed):
            course.live.cancel_renewal()
            course.kids.rest()
            course.ike.put_off(now)
            return course.make(now)
        if course.kids.any_up or course.live.home:
            return self._go_on_elsewhere(now)
        doomed = standing is Standing.DOOMED and closed.reason is not Reason.DPD_TIMEOUT
        return self._after(Reason.FAILED if doomed else closed.reason, now)

    def _go_on_elsewhere(self, now: float) -> list[Order]:
        """Make what an IKE SA took along on the other one; what is on demand waits for that."""
        course = self._course
        if course.may_start and course.terms.initiation is not Initiation.ON_DEMAND:
            course.kids.call(AT_ONCE)
        if course.kids.any_up:
            return course.make(now)
        course.state = State.DOWN
        return [*course.route(course.waiting_routes), *course.make(now)]

    def _unannounced_end(self, closed: Closed, now: float) -> list[Order]:
        """End a try whose SA closed without a Failed of its own; what we deleted was no try."""
        mine = closed.initiator and self._course.trying
        if not mine or closed.reason in _NO_TRY:
            return []
        diagnosis = diagnose(1, Code.INTERNAL_ERROR, evidence=closed.reason.value)
        return self.on_failed(Failed(closed.connection, closed.sa, True, diagnosis), now)

    def _after(self, reason: Reason, now: float) -> list[Order]:
        """Go on after the last SA is gone, as reason, initiation and the actions have it."""
        course, terms = self._course, self._course.terms
        if course.is_under_way and not course.state.is_up:
            return []  # it was a failed try's SA, and the next try is planned
        if reason in _REASONS:
            course.blame.reason = diagnose(1, _REASONS[reason])
        if reason is Reason.DPD_TIMEOUT:
            return self._after_death()
        if course.trying:  # the next SA is being made
            course.once = terms.initiation is Initiation.PASSIVE
            course.state = State.CONNECTING_PHASE1
            return course.route(course.waiting_routes)
        action = terms.close_action if reason is Reason.PEER_DELETED else CloseAction.RESTART
        after = after_delete(action, terms.initiation)
        ended = course.stop_trying()
        course.rest(after)
        if after.starts:
            course.kids.call(AT_ONCE if reason is Reason.LIFETIME else now + terms.tries.pause)
            if not course.was_up:
                course.ike.fail(now)
        if reason is Reason.FAILED and course.blame.reason is not None:
            course.state = failed_state(course.blame.reason)
        return [*course.route(after.routes), *ended]

    def _after_death(self) -> list[Order]:
        course, terms = self._course, self._course.terms
        if terms.dpd_action is DpdAction.RESTART and course.trying:
            course.state = State.CONNECTING_PHASE1
            return course.route(course.waiting_routes)
        after = after_death(terms.dpd_action, terms.initiation)
        ending: list[Order] = [CloseAll()] if course.trying else []
        ended = course.stop_trying()
        course.rest(after)
        if not after.starts:
            return [*course.route(after.routes), *ending, *ended]
        course.ike.forget()
        course.kids.forget_failures()
        course.kids.call(AT_ONCE)
        return [*course.route(course.waiting_routes), *course.try_(), *ended]


_NO_TRY: Final = (Reason.FAILED, Reason.DELETED, Reason.REKEYED)
_REASONS: Final = {
    Reason.PEER_DELETED: Code.PEER_DELETED,
    Reason.LIFETIME: Code.LIFETIME,
}


def _is_death(failed: Failed) -> bool:
    return failed.diagnosis.code is Code.DPD_TIMEOUT
