"""Who works at the demo organization, in which team, and how. All of it is invented."""

from typing import Final, NamedTuple

SLUG: Final = "acme"
NAME: Final = "Acme 研发"
ZONE: Final = "Asia/Shanghai"
CURRENCY: Final = "USD"
OWNER: Final = "owner"
OWNER_NAME: Final = "张琳"

TEAMS: Final = {
    "backend": "后端 Backend",
    "frontend": "前端 Frontend",
    "platform": "平台 Platform",
    "data": "数据 Data",
    "ml": "机器学习 Machine Learning",
    "qa": "测试 QA",
}
"""Team names by slug, in the order of their priority."""


class Habit(NamedTuple):
    """How the people of a team work.

    Shares are chances in 0..1: `big_share` that a piece of work runs on `big_machine`,
    `night_share` that a job runs through the night after a working day.
    """

    machine: str
    big_machine: str
    big_share: float
    night_share: float
    idle_timeouts: tuple[int, ...]
    begins_at: float
    """The hour of the day, local time."""


HABITS: Final = {
    "backend": Habit("cpu-4x8", "cpu-8x16", 0.12, 0.02, (300, 300, 600), 9.2),
    "frontend": Habit("cpu-4x8", "cpu-8x16", 0.03, 0.0, (300, 120, 300), 9.8),
    "platform": Habit("cpu-8x16", "cpu-4x8", 0.3, 0.06, (600, 300, 900), 8.8),
    "data": Habit("cpu-8x16", "gpu-l4", 0.2, 0.1, (900, 600, 1800), 9.4),
    "ml": Habit("gpu-l4", "cpu-8x16", 0.25, 0.3, (900, 1800, 3600), 10.0),
    "qa": Habit("cpu-2x4", "cpu-4x8", 0.25, 0.04, (300, 60, 300), 8.9),
}


class Person(NamedTuple):
    """A member: the part of the address before the `@`, the name, the team's slug."""

    key: str
    name: str
    team: str

    @property
    def email(self) -> str:
        """The member's address in the demo organization."""
        return f"{self.key}@{SLUG}.example"


BUILDS: Final = Person("nightly-builds", "夜间构建 Nightly builds", "platform")
"""No human: the account under which the nightly builds run."""

PEOPLE: Final = (
    Person("mei", "王美", "backend"),
    Person("hao.chen", "陈浩", "backend"),
    Person("jun.zhao", "赵俊", "backend"),
    Person("siyuan.liu", "刘思远", "backend"),
    Person("xiaoming.he", "何晓明", "backend"),
    Person("t.nakamura", "中村 健", "backend"),
    Person("ivan.petrov", "Иван Петров", "backend"),
    Person("kofi.mensah", "Kofi Mensah", "backend"),
    Person("zihan.gao", "高子涵", "backend"),
    Person("lena.ortiz", "Lena Ortiz", "frontend"),
    Person("ana.petrova", "Ana Petrova", "frontend"),
    Person("yutong.lin", "林雨桐", "frontend"),
    Person("jiayi.sun", "孙嘉怡", "frontend"),
    Person("minh.nguyen", "Nguyễn Văn Minh", "frontend"),
    Person("zoe.obrien", "Zoë O’Brien", "frontend"),
    Person("haoran.xu", "徐浩然", "frontend"),
    Person("noor.rahman", "Noor Rahman", "platform"),
    Person("feng.wu", "吴峰", "platform"),
    Person("qiang.ma", "马强", "platform"),
    Person("elif.yilmaz", "Elif Yılmaz", "platform"),
    Person("lars.soerensen", "Lars Sørensen", "platform"),
    Person("yihan.zhu", "朱一涵", "platform"),
    BUILDS,
    Person("wei.li", "李薇", "data"),
    Person("yan.zhou", "周妍", "data"),
    Person("priya.sharma", "Priya Sharma", "data"),
    Person("bowen.hu", "胡博文", "data"),
    Person("marta.kowalska", "Marta Kowalska", "data"),
    Person("ouyang.ruoxi", "欧阳若曦", "data"),
    Person("kai.tang", "唐凯", "ml"),
    Person("shuyi.deng", "邓淑仪", "ml"),
    Person("david.cohen", "David Cohen", "ml"),
    Person("minji.park", "박민지", "ml"),
    Person("tianyu.guo", "郭天宇", "ml"),
    Person("lan.xie", "谢兰", "qa"),
    Person("peng.song", "宋鹏", "qa"),
    Person("amina.diallo", "Amina Diallo", "qa"),
    Person("jing.cao", "曹静", "qa"),
    Person("rui.peng", "彭锐", "qa"),
)

MOVES: Final = {"yihan.zhu": "qa", "kai.tang": "data"}
"""People who came from another team halfway through: their first team, by key."""
