"""What each command does (命令说明), in the words of those who give it; its fields have words of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMAND_SENTENCES: Final[Mapping[str, str]] = {
    # household and finding
    "register-household": "登记一户：住在哪里，有哪些共同生活的家庭成员。由此开始该户的救助链。",
    "report-need": "报告可能需要救助而没有申请的家庭。村（社区）、乡镇（街道）、县级都可以报告；"
    "数据预警发现的，须先入户核实。",
    "offer-help": "向家庭告知政策并答复发现的情况；一次告知可以答复全部未办结的发现。表示不申请的须为成年成员。",
    "raise-alert": "把命中的预警指标下发乡镇（街道），在该级别规定的期限内入户核实。排除类预警只启动核查，"
    "不停发待遇。",
    "verify-alert": "登记入户核实预警的结果；确有困难的，必须给予帮助。",
    "feed-back-alert": "反馈预警的处置结果；每一条预警都要有答复。",
    # intake
    "apply": "登记一名成员代表家庭提出的申请。代理人申请须有书面委托；主动发现的，须有相应发现和家庭同意。",
    "mandate-agent": "在办理过程中登记书面委托，或者重新委托。",
    "revoke-mandate": "解除委托；随时可以解除，不需要理由。",
    "record-place": "登记家庭的户籍地和居住地，或者登记后来查明的情况。",
    "notify-missing-items": "一次性告知全部缺少的材料；不能再次告知，也不能要求提供可以自行查询的材料。"
    "当地规定了补正期间的，由此起算。",
    "supplement-materials": "登记一次性告知后补交的材料，或者代替材料的书面承诺。",
    "authorise-verification": "登记签署的信息核对授权；无民事行为能力人由监护人签署。",
    "accept-application": "受理材料齐全的申请。须说明是否近亲属备案、是否下放乡镇（街道）确认；"
    "不应由本地受理的不能受理。",
    "register-relative": "登记成员是低保经办人员、村（居）干部的近亲属；登记后县级必须入户调查。",
    "decline-application": "对申请不予受理，须属于规定的情形，写明理由并告知救济途径。已经受理的，应当作出决定；"
    "不予受理不影响再次申请。",
    "withdraw-application": "在决定之前撤回申请，不需要理由。申请人不再是成员的，任一成年成员可以撤回；"
    "委托书写明的，代理人可以撤回。",
    "end-procedure": "家庭无正当理由拒绝授权核对或者不配合调查的，终止程序。",
    # verification
    "start-investigation": "启动家庭经济状况调查，受理后三个工作日内。",
    "request-verification": "向县级提请信息核对；全体成年成员须已签署授权。",
    "start-verification": "启动信息核对，收到提请后三个工作日内。",
    "report-verification": "登记核对报告：查询了哪些来源，结果如何。",
    "tell-result": "把不符合条件的核对（复查）结果告知申请人。",
    "object-to-report": "登记家庭对核对结果的异议及其证据；作出决定之前都可以提出。",
    "recheck": "登记乡镇（街道）对核对结果异议的复查：查询了哪些来源，结果如何。",
    "visit-home": "登记入户调查；至少两名调查人员，由在场的成员签字。",
    # classification
    "give-opinion": "核定家庭情况并提出审核意见。不填收入的，按申报的收入。公示有异议的，"
    "调查或者评议后重新提出意见，并重新公示。",
    "post-notice": "在村（社区）公示审核意见，七日。",
    "close-notice": "登记公示期满无异议；不得早于公示的最后一日。",
    "object-to-notice": "登记公示期内任何人提出的异议；不填姓名即为匿名。",
    "reinvestigate": "登记因公示异议重新调查的结果。",
    "hold-democratic-review": "登记因公示异议进行的民主评议：参加人数、代表人数、同意人数。",
    # decision
    "receive-file": "登记县级收到审核材料；拟确认低保的，须已经公示。",
    "return-file": "把材料退回乡镇（街道）补正，一次写明全部应补正的内容。",
    "resubmit-file": "补正后重新报送材料，写明补正的内容。",
    "extend-limit": "在总期限届满之前，由县级批准延长办理期限，写明情形和理由。",
    "declare-conflict": "本人或者指明的人员与该家庭有利害关系的，申报回避；此后不得再办理该户事项，"
    "此前办理的不受影响。",
    "confirm-dibao": "由县级确认低保；下放的，由乡镇（街道）凭下放文件确认。金额按决定当日的规定重新核算。",
    "refuse-application": "不予确认，写明情形和理由；三个工作日内书面告知。",
    "grant-temporary-aid": "按简化程序给予急难型临时救助，不需要公示。金额为分。",
    # supervision
    "receive-complaint": "登记对办理事项或者待遇的投诉举报，随时可以；不填姓名即为匿名。在办期间收到的，"
    "县级须在决定前入户调查。",
    "answer-complaint": "登记投诉举报的核查处理结果，并已告知投诉举报人。不指明哪一件的，为最早未办结的。",
    "draw-sample": "把该户最近一次申办列入县级抽查。",
    "check-sample": "登记抽查结果；检查人员不得参与过该户的办理。",
    "record-irregular": "登记已经发生而不合规定的事项：谁做的、事由和证据；登记后成为待查清的疑点。",
    "answer-suspicion": "由县级登记疑点的查清和处置结果。不指明哪一件的，为最早未办结的。",
    "note-missed-deadline": "登记某项期限已经逾期；当日尚未结束的不能登记。",
    # documents
    "issue-document": "就已办理的一步制发文书：编号、成文、留存。制发过的不再制发；有误的，"
    "写明理由后另行制发替代。",
    "deliver-document": "登记文书已经送达及送达方式。不指明哪一份的，为最近一份未送达的。",
    "note-failed-delivery": "登记一次未能送达及其原因。",
    "deliver-notice": "登记不予确认、终止等书面告知已经送达；制发了文书的，即为该文书的送达。",
    "publish-confirmation": "在村（社区）公布确认结果。",
    # benefit
    "order-payment": "安排发放一个月的待遇，或者尚未发放的临时救助。不填月份的，为办理当月；"
    "同一月份只安排一次，退回的可以再安排。",
    "settle-payment": "登记银行答复已经到账。不填月份的，为最早安排而未答复的。",
    "return-payment": "登记银行答复已经退回。",
    "adjust-benefit": "由县级重新核定每月低保金额，从次月起。按最近一次核查的情况和当日的规定核算；"
    "减发的，须先听取意见。",
    # review, grace, exit
    "report-change": "登记成员报告的家庭变化。",
    "recertify": "登记一次定期核查。不填收入的，为没有变化；下次核查日期按该户的核查周期推算。",
    "conclude-reassessment": "变动或者更正不需要核定金额的，写明理由后办结复核。",
    "grant-grace": "因就业等收入超过标准的，给予渐退期。不填月份的，从次月起按规定的通常期限；超过的须写明事由。",
    "warn-grace-expiry": "渐退期届满前的提醒，由系统按规定的日期办理。",
    "hear-opinion": "登记家庭的意见，或者依法无法听取的情形。",
    "terminate-benefit": "由县级从次月起终止低保；2026年7月1日起须先听取意见。",
    "consent-to-transfer": "登记家庭是否同意直接转入其他类别的办理程序。",
    "start-transfer": "经家庭同意，为退出低保的家庭启动低保边缘家庭的办理程序。",
    "confirm-marginal": "确认低保边缘家庭：只认定身份，没有按月的现金，不需要公示。收入低于低保标准的，"
    "先按低保作出决定。",
    "return-to-monitoring": "在没有类别的第一日转回监测，由系统办理。",
    # members
    "add-member": "从某日起增加一名成员：出生、结婚、返回等。有身份证号的，出生日期和性别以身份证号为准。",
    "remove-member": "从某日起减少一名成员：结婚迁出、服刑、失踪等。户主离开的，须指明继任的户主。",
    "change-member": "登记一名成员的情况从某日起有变化；不填的不变。一开始就登记错的，应当更正。",
    "record-death": "登记成员死亡的日期和证明。低保家庭须在三个月内核查并核定待遇；户主死亡的，指明继任的户主。",
    "identify-person": "登记原来没有身份证号的成员的身份。",
    # several households
    "split-household": "在本县内分户：部分成员另立一户，指明新户的户主。新户没有类别，须自行申请。",
    "move-member": "一名成员转到本县内的另一户。",
    "join-household": "整户并入本县内的另一户。两户都不得有在办的事项；说明每名成员在另一户的关系。",
    "move-household": "登记家庭在本县内迁居。城乡标准不同的，在享家庭须重新核查。",
    "hand-over-file": "家庭迁往外县的，由原县级民政部门移交档案；移交之日起由迁入地办理。"
    "在办的事项由受理地先作出决定。",
    "take-over-file": "接收从外县迁入家庭的档案。",
    # corrections
    "correct-residence": "更正登记有误的住所或者起始日期；不填的不变。",
    "correct-income": "在提出审核意见之前，更正申报的收入。",
    "correct-visit-day": "更正入户调查的日期；不得早于受理，不得晚于决定。",
    "correct-notice-day": "更正公示的起始日期；止期重新计算。提前结束的公示重新进行；已经决定的，"
    "指明该决定须重新审查。",
    "correct-delivery-day": "更正送达日期；救济期限从正确的日期起算。",
    "correct-member": "更正登记有误的成员情况：姓名、身份证号、出生日期、关系、起始日期等；不填的不变。",
    "correct-death": "更正死亡日期；不填死亡日期的，表示该成员健在，恢复计入。",
}
"""By command; said in the API's description beside its title and who may give it."""
