# The first schema.

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Item',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=20)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('lease_token', models.UUIDField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('problem', models.CharField(blank=True, help_text='slug of the last error', max_length=60)),
                ('number', models.PositiveSmallIntegerField(help_text='1, 2, 3 ... under the receipt')),
                ('kind', models.CharField(choices=[('url', 'Web address'), ('picture', 'Picture')], max_length=10)),
                ('url', models.TextField(blank=True)),
                ('fingerprint_json', models.TextField(null=True)),
                ('coverage', models.JSONField(help_text='what the open indexes could compare when it was matched', null=True)),
            ],
            options={
                'ordering': ['submission_id', 'number'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lookup', models.BinaryField(max_length=32, unique=True)),
                ('proof_key', models.BinaryField(max_length=32, null=True)),
                ('message_public_key', models.BinaryField(max_length=32)),
                ('ground', models.CharField(max_length=40)),
                ('policy_version', models.CharField(max_length=20)),
                ('note', models.TextField(blank=True)),
                ('received', models.DateField()),
                ('due', models.DateField(help_text='the day by which an answer is owed')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(max_length=60, unique=True)),
                ('is_active', models.BooleanField(default=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'permissions': [('review_case', 'Can see cases and decide'), ('manage_release', 'Can build and publish releases')],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Case',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('open', 'Waiting for a reviewer'), ('proposed', 'Waiting for a second person'), ('removed', 'Removal confirmed'), ('refused', 'Not removed'), ('withdrawn', 'Withdrawn')], default='open', max_length=20)),
                ('ground', models.CharField(max_length=40)),
                ('target', models.DateField(help_text="the day the ground's target hours end")),
                ('due', models.DateField(help_text='the legal deadline')),
            ],
            options={
                'ordering': ['target', 'due', 'id'],
                'default_permissions': (),
                'indexes': [models.Index(fields=['state', 'target', 'due', 'id'], name='case_queue')],
            },
        ),
        migrations.CreateModel(
            name='DatasetIndex',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('name', models.CharField(max_length=200)),
                ('path', models.TextField()),
                ('rows', models.BigIntegerField()),
                ('coverage', models.JSONField()),
                ('in_use', models.BooleanField(default=True)),
                ('registered', models.DateField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(condition=models.Q(('in_use', True)), fields=('name',), name='one_index_of_a_name_in_use')],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(choices=[('remove', 'Remove the rows'), ('refuse', 'Do not remove'), ('unblock', 'Take back after a withdrawal')], max_length=10)),
                ('scope', models.CharField(blank=True, choices=[('address', 'These addresses only'), ('file', 'All copies of these files'), ('caption', 'These captions with their addresses')], max_length=10)),
                ('ground', models.CharField(max_length=40)),
                ('policy_version', models.CharField(max_length=20)),
                ('reason', models.TextField(blank=True)),
                ('state', models.CharField(choices=[('proposed', 'Proposed'), ('confirmed', 'Confirmed'), ('declined', 'Sent back')], default='proposed', max_length=10)),
                ('proposed', models.DateField()),
                ('confirmed', models.DateField(null=True)),
                ('approver', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='portal.case')),
                ('proposer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('item', models.ForeignKey(help_text='whose withdrawal an un-blocking follows', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portal.item')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=12)),
                ('digest', models.CharField(max_length=64)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('kind', 'digest'), name='entry_once')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField(unique=True)),
                ('day', models.DateField()),
                ('action', models.CharField(max_length=40)),
                ('subject', models.CharField(max_length=60)),
                ('digest', models.CharField(max_length=64)),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['seq'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='CaseItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('withdrawal_asked', models.BooleanField(default=False)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='case_items', to='portal.case')),
                ('item', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='case_item', to='portal.item')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Match',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.BigIntegerField()),
                ('how', models.CharField(max_length=20)),
                ('distance', models.PositiveSmallIntegerField(null=True)),
                ('variant', models.CharField(blank=True, max_length=40)),
                ('via', models.CharField(blank=True, help_text='how a second hop came here', max_length=20)),
                ('keys', models.JSONField()),
                ('index', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='portal.datasetindex')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='matches', to='portal.item')),
            ],
            options={
                'ordering': ['item_id', 'id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='DecisionMatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chosen', to='portal.decision')),
                ('match', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portal.match')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=20)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('lease_token', models.UUIDField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('problem', models.CharField(blank=True, help_text='slug of the last error', max_length=60)),
                ('folder', models.CharField(blank=True, help_text='its folder under the staging folder', max_length=60)),
                ('seq', models.PositiveIntegerField(null=True)),
                ('created', models.DateField()),
                ('changes', models.JSONField(default=list, help_text='per edition: name, added, removed, rows')),
            ],
            options={
                'ordering': ['-id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('seq',), name='release_seq_once'), models.UniqueConstraint(models.Value(1), condition=models.Q(('state__in', ('published', 'discarded')), _negated=True), name='one_release_under_way')],
            },
        ),
        migrations.CreateModel(
            name='Listing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edition', models.CharField(max_length=40)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='listings', to='portal.entry')),
                ('since', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='added', to='portal.release')),
                ('until', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='removed', to='portal.release')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SealedPicture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_day', models.DateField()),
                ('box', models.BinaryField()),
                ('item', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sealed', to='portal.item')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='item',
            name='submission',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='portal.submission'),
        ),
        migrations.CreateModel(
            name='Support',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stood', models.BooleanField(default=False)),
                ('ended', models.BooleanField(default=False)),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='supports', to='portal.decision')),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portal.decision')),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='supports', to='portal.entry')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='supports', to='portal.item')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'confirmed'), _negated=True), models.Q(('outcome', 'refuse'), ('proposer__isnull', False)), models.Q(('approver__isnull', False), ('proposer__isnull', False), models.Q(('approver', models.F('proposer')), _negated=True)), _connector='OR'), name='decision_two_people'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('case',), name='one_open_proposal_a_case'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['index', 'row'], name='match_row'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.UniqueConstraint(fields=('item', 'index', 'row'), name='match_once'),
        ),
        migrations.AddConstraint(
            model_name='decisionmatch',
            constraint=models.UniqueConstraint(fields=('decision', 'match'), name='chosen_once'),
        ),
        migrations.AddConstraint(
            model_name='listing',
            constraint=models.UniqueConstraint(condition=models.Q(('until', None)), fields=('entry', 'edition'), name='listed_once'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['state', 'lease_until'], name='item_due'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(fields=('submission', 'number'), name='item_number_once'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fingerprint_json', None), ('kind', 'url'), models.Q(('url', ''), _negated=True)), models.Q(('kind', 'picture'), ('url', '')), _connector='OR'), name='item_url_iff_url'),
        ),
        migrations.AddIndex(
            model_name='support',
            index=models.Index(fields=['ended', 'decision'], name='support_live'),
        ),
        migrations.AddConstraint(
            model_name='support',
            constraint=models.UniqueConstraint(fields=('entry', 'decision', 'item'), name='support_once'),
        ),
    ]
